"""Measure a ledger in a directory and on an S3 server: `python -m benchmarks.storage`."""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.peers.registry import STORES, PeerIsNotInstalled
from benchmarks.speed.origin import Origin
from benchmarks.storage.events import events
from overnight.campaign.history.events import Event
from overnight.flows.session.journal import Journal
from overnight.storage import ParquetLedger, open_ledger, verify
from overnight.storage.sql import query

_RESULTS = Path(__file__).parents[1] / "results" / "storage" / "tables.md"
_NEAR = 100
_WRITERS = 256
Row = tuple[str, str, str]


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=10_000, help="appends of one event")
    parser.add_argument("--events", type=int, default=100_000, help="in a ledger that is opened and verified")
    parser.add_argument("--rows", type=int, default=1_000_000, help="events that SQL is asked about")
    parser.add_argument("--peers", nargs="*", default=["delta", "optuna-journal"])
    asked = parser.parse_args()
    rows: list[Row] = []
    for place, where in _places():
        rows += _measured(where, place, asked.commits, asked.events, asked.rows)
        for peer in asked.peers:
            rows += _peer(peer, where, place, asked.commits)
    origin = Origin.here()
    lines = [f"| {what} | {where} | {figure} |" for what, where, figure in rows]
    head = [
        f"- Command: `python -m benchmarks.storage {' '.join(sys.argv[1:])}`".rstrip(" `") + "`.",
        f"- Machine: {origin.machine}. Commit: {origin.commit}. Measured: {origin.began}.",
        "",
        "| what | where | figure |",
        "|---|---|---|",
    ]
    _RESULTS.parent.mkdir(parents=True, exist_ok=True)
    _RESULTS.write_text("\n".join([*head, *lines]) + "\n")


def _places() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        yield folder, "directory"
    with _s3() as place:
        yield place, "S3 server"


@contextmanager
def _s3() -> Iterator[str]:
    """Run the server that `make s3` runs, with the variables that it exports set in the environment."""
    program = Path(__file__).parents[2] / "tests" / "support" / "s3_server.py"
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        words: list[str] = []
        for line in server.stdout:
            words = line.split()
            if words[:1] == ["export"]:
                name, _, value = words[1].partition("=")
                os.environ[name] = value
            if words[:1] == ["ledger:"]:
                break
        try:
            yield words[1].rpartition("/")[0]
        finally:
            server.send_signal(signal.SIGINT)


def _measured(where: str, place: str, commits: int, number: int, rows: int) -> list[Row]:
    """Return our figures; each is printed as soon as it is measured."""
    told: list[Row] = []

    def tell(what: str, figure: str) -> None:
        print(f"{where}: {what}: {figure}", flush=True)
        told.append((what, where, figure))

    taken = _appends(open_ledger(place, "commits", Path()), commits)
    for commit in (100, 1_000, 10_000):
        if commit <= commits:
            near = taken[max(commit - _NEAR, 0) : commit]
            tell(f"append of one event, median of the {_NEAR} before commit {commit:,}", f"{1e3 * median(near):.1f} ms")
    ledger = open_ledger(place, "commits", Path())
    new = min(_timed(lambda: asyncio.run(ledger.read(after=commits - 1)))[0] for _ in range(5))
    tell(f"reading the one segment after {commits - 1:,}", f"{1e3 * new:.1f} ms")
    ledger.blocks.make_missing()
    seconds, _ = _timed(lambda: asyncio.run(ledger.read()))
    tell(f"reading {commits:,} events in as many segments, with blocks", f"{seconds:.2f} s")
    seconds, _ = _timed(lambda: verify(ledger))
    tell(f"verify of {commits:,} events in as many segments", f"{seconds:.2f} s")

    made = events(number)
    for size in (100, 1_000):
        ledger = open_ledger(place, f"batches-{size}", Path())
        part = made[: min(number, 100 * size)]
        seconds, _ = _timed(lambda ledger=ledger, part=part, size=size: _fill(ledger, part, size))
        tell(f"appends of {size:,} events each", f"{len(part) / seconds:,.0f} events/s")
    del made, part
    seconds = _together(open_ledger(place, "together", Path()), _WRITERS, each=40)
    tell(
        f"appends of one proposal by {_WRITERS} writers at once, which share segments",
        f"{_WRITERS * 40 / seconds:,.0f} events/s",
    )
    seconds = median(_timed(lambda: asyncio.run(Journal(ledger).refresh()))[0] for _ in range(3))
    tell(f"opening a campaign of {number:,} events in segments of 1,000", f"{seconds:.2f} s")
    seconds = median(_timed(lambda: verify(ledger))[0] for _ in range(3))
    tell(f"verify of {number:,} events in segments of 1,000", f"{seconds:.2f} s")
    if rows:
        ledger = open_ledger(place, "rows", Path())
        _fill(ledger, events(rows), 10_000)
        for sql in (
            "select kind, count(*) from events group by kind",
            "select count(*), min(loss), avg(x1) from trials",
        ):
            seconds, _ = _timed(lambda sql=sql: query(ledger, sql))
            tell(f"`{sql}` over {rows:,} events", f"{seconds:.2f} s")
    return told


def _appends(ledger: ParquetLedger, commits: int) -> list[float]:
    """Return the seconds of each append of one event."""
    made = events(commits)

    async def append() -> list[float]:
        taken = []
        for number, event in enumerate(made):
            began = time.perf_counter()
            await ledger.append([event], after=number)
            taken.append(time.perf_counter() - began)
        return taken

    return asyncio.run(append())


def _fill(ledger: ParquetLedger, made: Sequence[Event], size: int) -> None:
    async def append() -> None:
        for number, first in enumerate(range(0, len(made), size)):
            await ledger.append(made[first : first + size], after=number)

    asyncio.run(append())


def _together(ledger: ParquetLedger, writers: int, each: int) -> float:
    """Return the seconds in which `writers` concurrent tasks append `each` proposals each, one at a time."""
    made = [event for event in events(4 * writers * each) if event.kind == "trial_proposed"][: writers * each]
    journal = Journal(ledger)

    async def write(mine: Sequence[Event]) -> None:
        for event in mine:
            await journal.insist(lambda history, event=event: [event])

    async def all_of_them() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(write(made[first::writers]) for first in range(writers)))
        return time.perf_counter() - began

    return asyncio.run(all_of_them())


def _timed(work: Callable[[], object]) -> tuple[float, object]:
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


def _peer(name: str, where: str, place: str, commits: int) -> list[Row]:
    """Return the figures of a peer for appends of one event, in a process of its own."""
    try:
        command = [*STORES[name].command(), place, str(min(commits, 1_000))]
    except PeerIsNotInstalled as problem:
        return [(f"{name}: append of one event", where, f"not measured: {problem}")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # One of the peers crashes at exit, after it has printed its figures.
    if not done.stdout.strip():
        return [(f"{name}: append of one event", where, f"not measured: {done.stderr.strip().splitlines()[-1]}")]
    told = [(f"{name}: {what}", where, figure) for what, figure in json.loads(done.stdout.splitlines()[-1]).items()]
    for what, _, figure in told:
        print(f"{where}: {what}: {figure}", flush=True)
    return told


if __name__ == "__main__":
    main()
