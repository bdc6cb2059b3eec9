"""A Prefect server with its defaults, on SQLite with its scheduler and all other services, and a worker.

Everything is in the run's own folder and on loopback, and may be killed and started again.
"""

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from prefect_on_postgres import without_prefect
from victims import Scene

_REPOSITORY = Path(__file__).parents[2]
_SECONDS_TO_START = 240
_SECONDS_BUSY = 60


class PrefectOnSqlite:
    """The server and the worker of one run; the worker serves `pool`, and every process gets the variables `more`."""

    def __init__(self, folder: Path, pool: str, more: Mapping[str, str] | None = None) -> None:
        self.folder, self.pool, self._more = folder.resolve(), pool, dict(more or {})
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}/api"
        self.server: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of every process of the run; PREFECT_HOME identifies these processes."""
        own = {
            "PREFECT_API_URL": self.url,
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": str(_REPOSITORY),
        }
        return without_prefect(os.environ) | own | self._more

    def start_server(self) -> None:
        """Start the server and return at once."""
        self.server = self._start("server", "start", "--host", "127.0.0.1", "--port", str(self._port))

    def start_worker(self) -> None:
        """Start the worker, which itself waits for the server."""
        self.worker = self._start("worker", "start", "--pool", self.pool, "--type", "process", "--name", self.pool)

    def wait_for_server(self) -> None:
        """Return when the server answers; raises RuntimeError if it has ended or takes too long."""
        assert self.server is not None
        deadline = time.monotonic() + _SECONDS_TO_START
        while not self.answers():
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the Prefect server does not start:\n" + (self.folder / "server.log").read_text())
            time.sleep(0.2)

    def answers(self) -> bool:
        """Return whether the server answers now."""
        with suppress(OSError), urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
            return answer.status == 200
        return False

    def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """Post a request to the server and return its answer; raises OSError if it does not answer."""
        return ask_prefect(self.url + path, body)

    def overnight(self, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the `overnight` command as a person would."""
        overnight = [sys.executable, "-m", "overnight"]
        return subprocess.run(
            [*overnight, *arguments], cwd=folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def deploy(self, folder: Path) -> str:
        """Deploy the campaign in this folder, and return the output; raises RuntimeError if that fails."""
        done = self.overnight(folder, "deploy", "campaign.yaml", "--pool", self.pool)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout

    def kill_everything(self) -> int:
        """Kill every process that was given the folder, and return their number."""
        killed = 0
        while victims := Scene.of(self.folder).victims:
            killed += sum(victim.kill() for victim in victims)
        for process in (self.server, self.worker):
            if process is not None:
                process.wait()
        return killed

    def _start(self, what: str, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{what}.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "prefect", what, *arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


def ask_prefect(url: str, body: Mapping[str, Any], method: str = "POST", auth: str | None = None) -> Any:
    """Send a request to a server and return its answer; raises OSError if it does not answer."""
    content = {"Content-Type": "application/json"}
    if auth is not None:
        content["Authorization"] = f"Basic {base64.b64encode(auth.encode()).decode()}"
    request = urllib.request.Request(url, json.dumps(body).encode(), content, method=method)
    deadline = time.monotonic() + _SECONDS_BUSY
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as problem:
            # The server's SQLite is busy; Prefect's own clients retry as well.
            if problem.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                raise
        time.sleep(0.2)
