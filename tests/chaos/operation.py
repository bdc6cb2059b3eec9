"""Operate a campaign with a Prefect server, a worker, a deployment, and a schedule that restarts it whenever it rests.

All files are in the run's own folder, and all connections are on loopback.
"""

import asyncio
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect_on_sqlite import PrefectOnSqlite
from victims import Scene

from overnight.campaign import History
from overnight.campaign.history.events import Event
from overnight.storage import ParquetLedger, open_ledger

NAME = "disturbed"
POOL = "chaos"
WORKERS = 4
_CAMPAIGN = """
name: {name}
parameters:
  x: {{kind: float, low: 0, high: 1}}
  n: {{kind: int, low: 1, high: 20}}
minimize: loss
evaluator:
  kind: command
  command: [{python}, -S, -E, logged_evaluation.py, {folder}/evaluations.log, {folder}/locks, "{workers}", "{stubborn}"]
  time_limit: {time_limit}
  grace: {grace}
workers: {workers}
budget: {{trials: {trials}}}
failures: {{back_off: 1s, max_attempts: 100, on_timeout: retry}}
seed: {seed}
"""
# If the worker is killed after it has taken a run, that run never starts, and Prefect waits for it for ever.
_PATIENCE = 20.0


def write_campaign(
    folder: Path,
    trials: int,
    seed: int,
    *,
    workers: int = WORKERS,
    time_limit: str = "20s",
    grace: str = "2s",
    stubborn: int = 0,
) -> None:
    """Write a campaign and its evaluation, whose first attempts ignore SIGTERM for `stubborn` seconds."""
    (folder / "locks").mkdir()
    shutil.copy(Path(__file__).with_name("logged_evaluation.py"), folder)
    (folder / "evaluations.log").touch()
    text = _CAMPAIGN.format(
        name=NAME,
        python=sys.executable,
        folder=folder,
        workers=workers,
        stubborn=stubborn,
        time_limit=time_limit,
        grace=grace,
        trials=trials,
        seed=seed,
    )
    (folder / "campaign.yaml").write_text(text)


class Operation:
    """One run: its campaign, its Prefect server and its worker."""

    def __init__(self, folder: Path, trials: int, seed: int) -> None:
        self.folder, self.trials = folder.resolve(), trials
        write_campaign(self.folder, trials, seed)
        self.prefect = PrefectOnSqlite(self.folder, POOL)
        self.events: list[Event] = []
        self._head = 0
        self._deployment = self._newest_run = ""
        self._asked = 0.0

    @property
    def ledger(self) -> ParquetLedger:
        """Return the campaign's ledger."""
        return open_ledger(str(self.folder / "ledger"), NAME, self.folder)

    def scene(self) -> Scene:
        """Look at the run's processes."""
        return Scene.of(self.folder)

    def read(self) -> History:
        """Read newly appended events and return the current history."""
        for segment in asyncio.run(self.ledger.read(after=self._head)):
            self._head = segment.number
            self.events += segment.events
        return History.from_events(self.events)

    def deploy(self) -> None:
        """Deploy the campaign as a person would, once the server answers."""
        self.prefect.wait_for_server()
        self.prefect.deploy(self.folder)
        self._deployment = self.prefect.ask("/deployments/filter", {})[0]["id"]

    def start_run(self) -> None:
        """Request a flow run, as a schedule does at its time, even if another one is alive."""
        self._newest_run = self.prefect.ask(f"/deployments/{self._deployment}/create_flow_run", {})["id"]
        self._asked = time.monotonic()

    def start_run_if_none_is_alive(self, scene: Scene) -> None:
        """Request a flow run if none is alive or about to start; a stopped controller does nothing for the campaign."""
        if any(not controller.stopped for controller in scene.controllers):
            return
        if self._newest_run:
            wanted = {"flow_runs": {"id": {"any_": [self._newest_run]}}}
            state = self.prefect.ask("/flow_runs/filter", wanted)[0]["state"]
            waited = time.monotonic() - self._asked
            if state["type"] == "SCHEDULED" or (state["type"] in ("PENDING", "RUNNING") and waited < _PATIENCE):
                return
        self.start_run()

    def refused_runs(self) -> int:
        """Return how many flow runs were refused because another controller holds the campaign."""
        runs = self.prefect.ask("/flow_runs/filter", {"limit": 200})
        return sum("The campaign is held by" in (run["state"]["message"] or "") for run in runs)


@contextmanager
def operation(folder: Path, trials: int, seed: int) -> Iterator[Operation]:
    """Start everything except the campaign, which its schedule starts, and end everything afterwards."""
    run = Operation(folder, trials, seed)
    try:
        run.prefect.start_server()
        run.deploy()
        run.prefect.start_worker()
        yield run
    finally:
        run.prefect.kill_everything()
