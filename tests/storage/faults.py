"""Inject faults into writers, stores and disks and record what was lost: `make faults`, a few minutes.

Its section of docs/proofs/reliability.md is replaced; the rest of that page belongs to `make chaos`.

The power cuts and the full disk need root and loop devices. If these are missing, the table reports it.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from altered_copies import ALTERATIONS, Altered, alter, make_ledger_with_copies
from damages import DAMAGES, FLIPPED, Bucket, Findings, Folder, Place, inject, make_ledger
from fault_proxy import FAULTS, fault_proxy
from killed_writers import REPOSITORY, Tally, Writer, run_writers, tally
from marked_sections import replace_section
from s3_server import BUCKET, WRITER, S3Server, s3_server

from overnight.storage import LocalStore
from overnight.storage.stores.s3_store import S3Store

_AnyRow = TypeVar("_AnyRow")

_HEAD = """
`make faults` made this table{options}:
four processes append to one ledger, each event in a segment of its own, and print each number that they won; such a
number is acknowledged. Afterwards the ledger is read, its chain is verified, and every acknowledged number must hold
the event of its writer. *Twice* counts numbers that two writers received. If creates are made unconditional, the same
check finds losses at once.

| where | injected | how often | acknowledged | lost | twice | chain |
|---|---|---|---|---|---|---|
"""
_DAMAGES = """
Then a whole ledger was damaged, in a random file and at a random place, as a user with write access
could do it. It was verified with a receipt of its head; without one, the loss of the newest segment leaves no trace.
*Named* counts the errors that named a damaged file, alone or with its neighbour if the two contradict each other;
*lost* counts events in untouched files that could not be read from these files; *mended* counts ledgers that were whole
again, up to the same head, when the files were put back. The content of a damaged file can be restored only from a
copy.

| where | injected | how often | named | lost | mended |
|---|---|---|---|---|---|
"""
_COPIES = """
Then copies in `compact/` were altered. They speed up reading and hold nothing that the segments do not.
After each alteration, a new process read the whole ledger. *Believed* counts readers that got other events than the
segments hold, *ended* those that got an error, and *named* the copies that `verify` named.

| where | injected | how often | believed | ended | named |
|---|---|---|---|---|---|
"""
_TAIL = """
The tests repeat this on a small scale: `tests/storage/test_several_processes.py` (12 kills and 36 spoilt
requests) and `test_damages.py`. There are also tests of

- swapped, torn and forged files, wrong credentials and stores that overwrite (`tests/storage/`);
- three hundred campaigns in one directory and one bucket (`tests/storage/test_many_campaigns.py`);
- ledgers that may only be read, and one that may no longer be written in the middle of a run: it ends with an error
  that names the file, and the same command continues after the repair (`tests/end_to_end/test_read_only.py`);
- clocks that are set an hour back and a day forward (`tests/flows/controller/test_clock_jumps.py`);
- names with spaces, quotes, markup, `../` and line breaks (`tests/end_to_end/test_names.py`);
- kills of the controller of a whole campaign that starts its own Prefect server (`tests/end_to_end/test_kill.py`);
- a campaign's own Prefect server that is stopped (SIGSTOP) and so answers nothing: after 30 s it is killed and started
  again at the same address with the same database; and a neighbour without its auth string, a page of another origin,
  and a limit of 0 in an earlier database (`tests/flows/engine/test_prefect_server.py`);
- a stopped process that proposes: it is killed at `proposing.time_limit`, and another one is started
  (`tests/flows/proposing/test_proposal_slot.py`).
"""


@dataclass(frozen=True)
class Row:
    """One line of the table; no tally if the machine does not allow the experiment."""

    where: str
    injected: str
    tally: Tally | None

    def __str__(self) -> str:
        if self.tally is None:
            return f"| {self.where} | {self.injected} | not run: needs root and loop devices | | | | |"
        t = self.tally
        chain = "**" + t.damage.replace("|", " ") + "**" if t.damage else "whole"
        return (
            f"| {self.where} | {self.injected} | {t.injected} | {t.acknowledged:,} | {t.lost} | {t.twice} | {chain} |"
        )


@dataclass(frozen=True)
class DamageRow:
    """One line of the table of damages."""

    where: str
    injected: str
    found: Findings

    def __str__(self) -> str:
        f = self.found
        named = f"{f.named}" if f.named == f.injected else f"**{f.named}**"
        return f"| {self.where} | {self.injected} | {f.injected} | {named} | {f.lost} | {f.injected - f.unmended} |"


@dataclass(frozen=True)
class CopyRow:
    """One line of the table of altered copies."""

    where: str
    injected: str
    found: Altered

    def __str__(self) -> str:
        f = self.found
        wrong = [f"**{number}**" if number else "0" for number in (f.believed, f.ended)]
        named = f"{f.named}" if f.named == f.injected else f"**{f.named}**"
        return f"| {self.where} | {self.injected} | {f.injected} | {' | '.join(wrong)} | {named} |"


def main() -> int:
    """Run all experiments, write the table, and return 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--power-cuts", type=int, default=10)
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "proofs" / "reliability.md")
    asked = parser.parse_args()
    rows = _told(_experiments(asked.faults, asked.power_cuts))
    damages = _told(_damages(asked.faults))
    copies = _told(_altered_copies(max(asked.faults // 10, 1)))
    options = f" with `--faults {asked.faults} --power-cuts {asked.power_cuts}`"
    section = _HEAD.format(options=options) + _lines(rows) + _DAMAGES + _lines(damages)
    section += _COPIES + _lines(copies) + _TAIL
    replace_section(asked.output, "make faults", section)
    kept = all(row.tally is None or row.tally.kept for row in rows) and all(
        row.found.kept for row in (*damages, *copies)
    )
    return 0 if kept else 1


def _told(experiments: Iterator[_AnyRow]) -> list[_AnyRow]:
    """Return all rows, printing each as soon as it is known."""
    rows = []
    for row in experiments:
        sys.stdout.write(f"{row}\n")
        sys.stdout.flush()
        rows.append(row)
    return rows


def _lines(rows: Iterable[object]) -> str:
    return "".join(f"{row}\n" for row in rows)


def _damages(faults: int) -> Iterator[DamageRow]:
    with tempfile.TemporaryDirectory() as folder:
        yield from _damages_in("directory", Folder(LocalStore(Path(folder))), faults)
    with s3_server() as server:
        os.environ.update(WRITER.environment(server.endpoint))
        yield from _damages_in("bucket", Bucket(S3Store(BUCKET, "damages/"), server.client()), faults)


def _damages_in(where: str, place: Place, faults: int) -> Iterator[DamageRow]:
    make_ledger(place)
    for seed, kind in enumerate(DAMAGES):
        # A bit can be flipped in many places; the other kinds of damage have few.
        times = faults if kind == FLIPPED else max(faults // 10, 1)
        found = inject(place, kind, times, seed)
        if found.missed:
            sys.stderr.write(f"missed: {found.missed}\n")
        yield DamageRow(where, kind, found)


def _altered_copies(times: int) -> Iterator[CopyRow]:
    with tempfile.TemporaryDirectory() as folder:
        yield from _altered_in("directory", Folder(LocalStore(Path(folder))), times)
    with s3_server() as server:
        os.environ.update(WRITER.environment(server.endpoint))
        yield from _altered_in("bucket", Bucket(S3Store(BUCKET, "copies/"), server.client()), times)


def _altered_in(where: str, place: Place, times: int) -> Iterator[CopyRow]:
    make_ledger_with_copies(place)
    for seed, kind in enumerate(ALTERATIONS):
        found = alter(place, kind, times, seed)
        if found.missed:
            sys.stderr.write(f"missed: {found.missed}\n")
        yield CopyRow(where, kind, found)


def _experiments(faults: int, power_cuts: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        yield Row("directory", "SIGKILL of a writer", run_writers(folder, faults, None, seed=1))
    yield Row("directory on ext4", "power cut", _power_cuts(power_cuts))
    yield Row("directory", "disk full while appending", _full_disk(power_cuts))
    with s3_server() as server:
        os.environ.update(WRITER.environment(server.endpoint))
        yield Row("bucket", "SIGKILL of a writer", run_writers(f"s3://{BUCKET}/writers", faults, None, seed=2))
        restart = _restart_of(server)
        killed = run_writers(f"s3://{BUCKET}/server", max(faults // 20, 1), restart, seed=3)
        yield Row("bucket", "SIGKILL of the store, which comes back", killed)
        with fault_proxy(server.endpoint) as proxy:
            os.environ["AWS_ENDPOINT_URL"] = proxy.endpoint

            def spoil(dice: random.Random) -> None:
                proxy.spoil(dice.choice(["PUT", "GET"]), dice.choice(FAULTS))

            spoilt = run_writers(f"s3://{BUCKET}/network", faults, spoil, seed=4)
            yield Row("bucket", "connection cut, 500 or 503, before or after the store acted", spoilt)


def _restart_of(server: S3Server) -> Callable[[random.Random], None]:
    def restart(dice: random.Random) -> None:
        server.kill()
        time.sleep(dice.uniform(0, 0.5))
        server.start()

    return restart


def _power_cuts(cuts: int) -> Tally | None:
    """Return the tally of the data on the disk at a random moment: the image of a file system in use."""
    total = Tally(0, 0, 0, 0, 0)
    dice = random.Random(5)
    with tempfile.TemporaryDirectory() as folder:
        disk, later, mount = Path(folder, "disk"), Path(folder, "later"), Path(folder, "mount")
        mount.mkdir()
        for cut in range(cuts):
            if not _make_file_system(disk, 128):
                return None
            with _mounted(disk, mount):
                writer = Writer.start(str(mount), f"writer-{cut}")
                while len(writer.won) < 20:
                    time.sleep(0.001)
                time.sleep(dice.uniform(0, 1))
                # Nothing more may reach the disk while it is copied.
                writer.process.send_signal(signal.SIGSTOP)
                time.sleep(0.05)
                promised = list(writer.won)
                subprocess.run(["cp", "--sparse=always", disk, later], check=True)
                writer.kill()
            writer.won = promised
            with _mounted(later, mount):
                total += tally(str(mount), 1, [writer])
    return total


def _full_disk(times: int) -> Tally | None:
    """Return the tally of the events that were acknowledged before a disk was full."""
    total = Tally(0, 0, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        disk, mount = Path(folder, "disk"), Path(folder, "mount")
        mount.mkdir()
        for i in range(times):
            if not _make_file_system(disk, 2):
                return None
            with _mounted(disk, mount):
                writer = Writer.start(str(mount), f"writer-{i}")
                # The writer ends by itself with the error that the disk is full.
                writer.process.wait(60)
                writer.kill()
                total += tally(str(mount), 1, [writer])
    return total


def _make_file_system(disk: Path, megabytes: int) -> bool:
    disk.unlink(missing_ok=True)
    with disk.open("wb") as file:
        file.truncate(megabytes << 20)
    try:
        return os.geteuid() == 0 and not subprocess.run(["mkfs.ext4", "-q", "-F", disk], check=False).returncode
    except FileNotFoundError:
        return False


@contextmanager
def _mounted(disk: Path, mount: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "loop", disk, mount], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", mount], check=True)


if __name__ == "__main__":
    sys.exit(main())
