"""Measure the cost of running a campaign, with Prefect on PostgreSQL: `make bench-flow`.

There are three campaigns: sixteen workers whose evaluations take about ten seconds; one worker whose evaluations take
no time; and one worker whose proposals come from a work pool. Nothing else should run on the machine.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.flow.figures import (
    busy_share,
    cold_start_seconds,
    latencies,
    memory_growth,
    milliseconds,
    overheads,
    proposing_seconds,
)
from benchmarks.flow.night import Environment, Plan, prefect, run
from benchmarks.speed.origin import Origin

_RESULTS = Path(__file__).parents[1] / "results" / "flow" / "tables.md"
# Seconds: log-normal with median 10; about two in three lie between 7.4 and 13.5.
_ABOUT_TEN = "random.Random(seed).lognormvariate(2.302585, 0.3)"
_BLOCK = 190
Row = tuple[str, str, str]


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--busy", type=int, default=480, help="trials of the campaign with sixteen workers")
    parser.add_argument(
        "--trials", type=int, default=2000, help="trials of the campaign whose evaluations take no time"
    )
    parser.add_argument("--asked", type=int, default=20, help="trials of the campaigns whose latency is measured")
    parser.add_argument("--only", nargs="*", choices=["busy", "overhead", "latency"])
    asked = parser.parse_args()
    wanted = asked.only or ["busy", "overhead", "latency"]
    rows: list[Row] = []
    with prefect() as environment, tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if "latency" in wanted:
            rows += _shown(_latency(asked.asked, place, environment))
        if "busy" in wanted:
            rows += _shown(_busy(asked.busy, place, environment))
        if "overhead" in wanted:
            rows += _shown(_overhead(asked.trials, place, environment))
    origin = Origin.here()
    head = [
        f"- Command: `python -m benchmarks.flow {' '.join(sys.argv[1:])}`".rstrip(" `") + "`.",
        f"- Machine: {origin.machine}. Commit: {origin.commit}. Measured: {origin.began}.",
        "",
        "| what | demanded | figure |",
        "|---|---|---|",
    ]
    _RESULTS.parent.mkdir(parents=True, exist_ok=True)
    _RESULTS.write_text(
        "\n".join([*head, *(f"| {what} | {limit} | {figure} |" for what, limit, figure in rows)]) + "\n"
    )


def _shown(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        print(" | ".join(row), flush=True)
        yield row


def _busy(trials: int, folder: Path, environment: Environment) -> Iterator[Row]:
    workers = 16
    night = run(Plan(workers, trials, _ABOUT_TEN), folder / "busy", environment)
    proposals = [t.proposal.provenance for t in night.history.trials.values() if t.proposal.generator == "model"]
    unseen = [made.asked.unseen or 0 for made in proposals if made is not None]
    tried = f"{workers} workers, {trials} evaluations of about 10 s"
    yield f"{tried}: share of time that workers evaluate", "≥ 95 %", f"{100 * busy_share(night):.1f} %"
    yield f"{tried}: until every worker has begun", "all at once", f"{cold_start_seconds(night):.2f} s"
    yield f"{tried}: a proposal takes", "", milliseconds(proposing_seconds(night))
    yield f"{tried}: results that came in while a proposal was made", "", f"{sum(unseen) / len(unseen):.2f} on average"


def _overhead(trials: int, folder: Path, environment: Environment) -> Iterator[Row]:
    night = run(Plan(1, trials, "0", "proposer: {kind: sobol}"), folder / "overhead", environment)
    beside = overheads(night)
    for first in sorted({10, *(max(at, 10) for at in (trials // 4, trials // 2, trials - _BLOCK))}):
        part = [beside[number] for number in range(first, min(first + _BLOCK, trials))]
        what = f"one trial beside evaluating and proposing, trials {first} to {first + len(part) - 1}"
        yield what, "≤ 150 ms, flat", milliseconds(part)
    for last in (1000, trials):
        if last <= trials:
            yield (
                f"the controller grows from trial 10 to {last} by",
                "≤ 200 MiB",
                f"{memory_growth(night, 10, last):.0f} MiB",
            )


def _latency(trials: int, folder: Path, environment: Environment) -> Iterator[Row]:
    more = "proposer: {kind: bayesian, initial: 4}\nproposing: {ahead: never%s}"
    beside = run(Plan(1, trials, "0", more % ""), folder / "beside", environment)
    yield "from a result to the next start, proposals beside the controller", "", milliseconds(latencies(beside, 5))
    yield "a proposal in that takes", "", milliseconds(proposing_seconds(beside))
    with _worker("gpu", folder, environment):
        remote = run(Plan(1, trials, "0", more % ", pool: gpu"), folder / "pool", environment)
    yield (
        "from a result to the next start, proposals from a work pool whose worker looks every second",
        "",
        milliseconds(latencies(remote, 5)),
    )


@contextmanager
def _worker(pool: str, folder: Path, environment: Environment) -> Iterator[None]:
    with (folder / "worker.log").open("wb") as log:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"]
        often = {**environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
        worker = subprocess.Popen(command, cwd=folder, env=often, stdout=log, stderr=log)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait()


if __name__ == "__main__":
    main()
