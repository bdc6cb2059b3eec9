"""A campaign in operation: a Prefect server, a worker, a deployment, and a schedule that starts it whenever it rests.

Everything is of the run's own folder and on loopback.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from victims import Scene

from campaign import History
from campaign.events import Event
from storage import ParquetLedger, open_ledger

REPOSITORY = Path(__file__).parents[2]
NAME = "disturbed"
POOL = "chaos"
_CAMPAIGN = """
name: {name}
parameters:
  x: {{kind: float, low: 0, high: 1}}
  n: {{kind: int, low: 1, high: 20}}
minimize: loss
evaluator:
  kind: command
  command: [{python}, -S, -E, logged_evaluation.py, {folder}/evaluations.log, {folder}/locks]
  time_limit: 5m
workers: 4
budget: {{trials: {trials}}}
failures: {{back_off: 1s, max_attempts: 100, max_in_a_row: 1000}}
seed: {seed}
"""
_START_LIMIT = 180.0
# A run that the worker took before it was killed never starts, and Prefect waits for it for ever.
_PATIENCE = 20.0


class Operation:
    """The processes of one run, each of which may be killed and started again."""

    def __init__(self, folder: Path, trials: int, seed: int) -> None:
        self.folder, self.trials = folder.resolve(), trials
        (self.folder / "locks").mkdir()
        shutil.copy(Path(__file__).with_name("logged_evaluation.py"), self.folder)
        (self.folder / "evaluations.log").touch()
        text = _CAMPAIGN.format(name=NAME, python=sys.executable, folder=self.folder, trials=trials, seed=seed)
        (self.folder / "campaign.yaml").write_text(text)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.server: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self.events: list[Event] = []
        self._head = 0
        self._deployment = self._newest_run = ""
        self._asked = 0.0

    @property
    def environment(self) -> dict[str, str]:
        """Return what every process of the run gets; its home is what it is known by."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        return kept | {
            "PREFECT_API_URL": self.url,
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": str(REPOSITORY),
        }

    @property
    def ledger(self) -> ParquetLedger:
        """Return the campaign's ledger."""
        return open_ledger(str(self.folder / "ledger"), NAME, self.folder)

    def scene(self) -> Scene:
        """Look at the run's processes."""
        return Scene.of(self.folder)

    def read(self) -> History:
        """Read what was appended since, and return the campaign as it stands."""
        for segment in asyncio.run(self.ledger.read(after=self._head)):
            self._head = segment.number
            self.events += segment.events
        return History.from_events(self.events)

    def start_server(self) -> None:
        """Start the server and return at once."""
        start = ("server", "start", "--host", "127.0.0.1", "--port", str(self.port))
        self.server = self._start("server.log", "-m", "prefect", *start)

    def start_worker(self) -> None:
        """Start a worker; it waits for the server by itself."""
        start = ("worker", "start", "--pool", POOL, "--type", "process", "--name", "nights")
        self.worker = self._start("worker.log", "-m", "prefect", *start)

    def deploy(self) -> None:
        """Deploy the campaign, when the server answers, as a person does."""
        self.wait_for_server()
        overnight = [sys.executable, "-c", "from flows.cli import main; main()"]
        done = subprocess.run(
            [*overnight, "deploy", "campaign.yaml", "--pool", POOL],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        self._deployment = self.ask("/deployments/filter", {})[0]["id"]

    def wait_for_server(self) -> None:
        """Return when the server answers."""
        deadline = time.monotonic() + _START_LIMIT
        while not self.answers():
            if time.monotonic() > deadline:
                raise RuntimeError("the Prefect server does not start:\n" + (self.folder / "server.log").read_text())
            time.sleep(0.2)

    def answers(self) -> bool:
        """Tell whether the server answers now."""
        with suppress(OSError), urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
            return answer.status == 200
        return False

    def start_run(self) -> None:
        """Ask for a flow run, as a schedule does at its time, whether or not another one is alive."""
        self._newest_run = self.ask(f"/deployments/{self._deployment}/create_flow_run", {})["id"]
        self._asked = time.monotonic()

    def start_run_if_none_is_alive(self, scene: Scene) -> None:
        """Ask for a flow run where none is alive and none is about to be."""
        if scene.controllers:
            return
        if self._newest_run:
            state = self.ask("/flow_runs/filter", {"flow_runs": {"id": {"any_": [self._newest_run]}}})[0]["state"]
            waited = time.monotonic() - self._asked
            if state["type"] == "SCHEDULED" or (state["type"] in ("PENDING", "RUNNING") and waited < _PATIENCE):
                return
        self.start_run()

    def refused_runs(self) -> int:
        """Return how many flow runs were told that another controller holds the campaign."""
        runs = self.ask("/flow_runs/filter", {"limit": 200})
        return sum("The campaign is held by" in (run["state"]["message"] or "") for run in runs)

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        """Post something to the server and return its answer; raises OSError where it does not answer."""
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def _start(self, log: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as output:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill_everything(self) -> int:
        """Kill every process of the run at once, and return how many there were."""
        killed = 0
        while victims := self.scene().victims:
            killed += sum(victim.kill() for victim in victims)
        for process in (self.server, self.worker):
            if process is not None:
                process.wait()
        return killed


@contextmanager
def operation(folder: Path, trials: int, seed: int) -> Iterator[Operation]:
    """Start everything but the campaign, which its schedule starts; nothing of it is left afterwards."""
    run = Operation(folder, trials, seed)
    try:
        run.start_server()
        run.deploy()
        run.start_worker()
        yield run
    finally:
        run.kill_everything()
