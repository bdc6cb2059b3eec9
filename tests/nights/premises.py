"""A Prefect server, with its scheduler and all other services, and a worker, by the clock of the nights."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from evaluators.supervisor import all_processes

REPOSITORY = Path(__file__).parents[2]
POOL = "nights"
OVERNIGHT = (sys.executable, "-c", "from flows.cli import main; main()")
_START_LIMIT, _BUSY_LIMIT = 240.0, 60.0


class Premises:
    """The processes that outlive a night, on loopback; `folder` is where they keep everything."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._also = folder, environment
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{self._port}/api"

    @property
    def environment(self) -> dict[str, str]:
        """Return what every process of the nights gets."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        own = {
            "PREFECT_API_URL": self._url,
            "PREFECT_HOME": str(self._folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": str(REPOSITORY),
        }
        return kept | own | dict(self._also)

    def start_server(self) -> None:
        """Start the server and wait until it answers."""
        server = self._start("server", "server", "start", "--host", "127.0.0.1", "--port", str(self._port))
        deadline = time.monotonic() + _START_LIMIT
        while not self._answers():
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the Prefect server does not start:\n" + (self._folder / "server.log").read_text())
            time.sleep(0.2)

    def start_worker(self) -> None:
        """Start the worker that starts what the schedule wants."""
        self._start("worker", "worker", "start", "--pool", POOL, "--type", "process", "--name", "nights")

    def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """Post something to the server and return its answer."""
        content = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), content)
        deadline = time.monotonic() + _BUSY_LIMIT
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as problem:
                # Its SQLite is busy; Prefect's own clients ask again as well.
                if problem.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    raise
            time.sleep(0.5)

    def overnight(self, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Do what a person does on the command line."""
        return subprocess.run(
            [*OVERNIGHT, *arguments], cwd=folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def _answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{self._url}/health", timeout=5) as answer:
            return answer.status == 200
        return False

    def _start(self, log: str, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self._folder / f"{log}.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "prefect", *arguments],
                cwd=self._folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def end_everything(self) -> None:
        """Kill whatever lives by the clock of these nights: nothing of one that broke off is left."""
        while pids := [each.pid for each in all_processes() if self._is_ours(each.pid)]:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)

    def _is_ours(self, pid: int) -> bool:
        try:
            given = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            alive = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False
        return alive and {os.fsencode(f"{name}={value}") for name, value in self._also.items()} <= set(given)


@contextmanager
def premises(folder: Path, environment: Mapping[str, str]) -> Iterator[Premises]:
    """Start the server; nothing of it and of what was started beside it is left afterwards."""
    own = Premises(folder, environment)
    try:
        own.start_server()
        yield own
    finally:
        own.end_everything()


def until(true: Callable[[], bool], what: str, seconds: float) -> None:
    """Return as soon as something is true; raises RuntimeError where that takes too long."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {seconds:g} s it is not so that {what}")
        time.sleep(0.5)
