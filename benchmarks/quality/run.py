"""Run the campaigns that are not stored yet, one at a time or several at once, and store each as it ends."""

import multiprocessing
import subprocess
import sys
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar

from benchmarks.quality.cells import CELLS
from benchmarks.quality.measures import judged_again, measure
from benchmarks.quality.results import Row, key_of, read_rows, store_row


class Measured(Protocol):
    """Something to measure in any process."""

    def measured(self) -> Row | str:
        """Return a row, or the traceback of a failure."""
        ...


AnyTask = TypeVar("AnyTask", bound=Measured)


@dataclass(frozen=True)
class Task:
    """One campaign of one contestant."""

    contestant: str
    cell: str
    seed: int
    charge: bool = False

    def measured(self) -> Row | str:
        """Return the campaign's row, or the traceback of its failure."""
        try:
            return measure(CELLS[self.cell], self.seed, self.contestant, charge=self.charge)
        except Exception:
            return traceback.format_exc()


def missing(tasks: Iterable[Task], folder: Path, *, again: bool) -> list[Task]:
    """Return the tasks whose campaigns are not stored, or all of them if `again` is set."""
    tasks = list(tasks)
    if again:
        return tasks
    stored = {(name, *key_of(row)) for name in {t.contestant for t in tasks} for row in read_rows(name, folder)}
    return [t for t in tasks if (t.contestant, t.cell, t.seed, t.charge) not in stored]


def run_and_store(tasks: list[Task], folder: Path, jobs: int) -> int:
    """Run the tasks, store the rows of those that succeed and return how many did not."""
    failed = 0
    for done, (task, result) in enumerate(results_of(tasks, jobs), start=1):
        what = f"[{done}/{len(tasks)}] {task.contestant} {task.cell} seed {task.seed}"
        if isinstance(result, str):
            failed += 1
            print(f"{what} FAILED\n{result}", file=sys.stderr, flush=True)
            continue
        store_row({**result, "command": _command(), "commit": commit(), "date": now()}, folder)
        print(f"{what}: regret {result['regret']:.4g} ({result['wall_seconds']:.1f} s)", flush=True)
    return failed


def results_of(tasks: list[AnyTask], jobs: int) -> Iterator[tuple[AnyTask, Row | str]]:
    """Yield each task with its result as it ends."""
    if jobs == 1:
        yield from ((task, task.measured()) for task in tasks)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(task.measured): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()


def judge_again(contestant: str, folder: Path) -> int:
    """Judge a contestant's stored campaigns again with our present recommendation; return how many there are."""
    rows = read_rows(contestant, folder)
    for row in rows:
        store_row(judged_again(row), folder)
    return len(rows)


def _command() -> str:
    return " ".join(["python -m benchmarks.quality", *sys.argv[1:]])


def now() -> str:
    """Return the time as it is stored."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def commit() -> str:
    """Return the commit of this code, marked if any tracked Python file differs from it."""
    head = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "*.py")
    return f"{head}-changed" if changed else head


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.strip()
