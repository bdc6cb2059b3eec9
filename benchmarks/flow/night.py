"""Run one campaign with its own command against a Prefect server on PostgreSQL, and collect the results."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Signal
from threading import Thread

from postgres_server import postgres_server
from prefect_on_postgres import prefect_on_postgres, without_prefect

from overnight.campaign import History
from overnight.campaign.history.events import Event
from overnight.storage import open_ledger

# Each evaluation records its own start and end, independently of the ledger.
_EVALUATOR = """
import json, os, random, time

def evaluate(params, seed):
    began = time.time()
    time.sleep({seconds})
    line = "%d %r %r\\n" % (json.load(open(os.environ["EVAL_REQUEST"]))["trial"], began, time.time())
    log = os.open("evaluations.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, line.encode())
    return (params["x"] - 0.3) ** 2 + (params["y"] - 0.6) ** 2 + (params["z"] - 0.5) ** 2
"""
_CAMPAIGN = """
name: night
parameters:
  x: {{kind: float, low: 0, high: 1}}
  y: {{kind: float, low: 0, high: 1}}
  z: {{kind: float, low: 0, high: 1}}
minimize: value
evaluator: measured:evaluate
workers: {workers}
budget: {{trials: {trials}}}
{more}
"""
_LOOK_SECONDS = 0.5
Environment = Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """A campaign with a number of trials; an evaluation sleeps for `seconds`, a Python expression in `seed`."""

    workers: int
    trials: int
    seconds: str
    more: str = ""


@dataclass(frozen=True)
class Night:
    """The results of a campaign: its events, the true start and end of each evaluation, and the controller's memory.

    `memory` holds pairs of a moment and the resident bytes at that moment. All moments are seconds since 1970.
    """

    history: History
    evaluated: Mapping[int, tuple[float, float]]
    memory: tuple[tuple[float, int], ...]


@contextmanager
def prefect() -> Iterator[Environment]:
    """Yield the environment of a user of a Prefect server on PostgreSQL."""
    with postgres_server() as postgres, tempfile.TemporaryDirectory() as folder:
        database = postgres.create_database("prefect", "postgresql+asyncpg")
        with prefect_on_postgres(Path(folder), database) as server:
            yield without_prefect(os.environ) | server.environment()


def run(plan: Plan, folder: Path, environment: Environment) -> Night:
    """Run the campaign to its end in a folder of its own; raise CalledProcessError if it does not succeed."""
    folder.mkdir(parents=True)
    (folder / "campaign.yaml").write_text(_CAMPAIGN.format(workers=plan.workers, trials=plan.trials, more=plan.more))
    (folder / "measured.py").write_text(_EVALUATOR.format(seconds=plan.seconds))
    command = [sys.executable, "-m", "overnight", "run", "campaign.yaml"]
    with (folder / "output.log").open("wb") as output:
        controller = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        with _memory_of(controller.pid) as memory:
            code = controller.wait()
    if code != 0:
        raise subprocess.CalledProcessError(code, command, (folder / "output.log").read_text())
    segments = asyncio.run(open_ledger("ledger", "night", folder).read())
    events: list[Event] = [event for segment in segments for event in segment.events]
    return Night(History.from_events(events), _evaluated(folder / "evaluations.log"), tuple(memory))


def _evaluated(log: Path) -> dict[int, tuple[float, float]]:
    rows = (line.split() for line in log.read_text().splitlines())
    return {int(trial): (float(began), float(ended)) for trial, began, ended in rows}


@contextmanager
def _memory_of(pid: int) -> Iterator[list[tuple[float, int]]]:
    """Yield a list of memory samples that grows while the process lives."""
    seen: list[tuple[float, int]] = []
    over = Signal()

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            try:
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            except (OSError, IndexError):
                return
            seen.append((time.time(), pages * os.sysconf("SC_PAGE_SIZE")))

    watcher = Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
