"""A Prefect server as in production: on PostgreSQL, with an auth string, and with all of its services."""

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_HOST = "127.0.0.1"
_SECONDS_TO_START = 240
_SECONDS_TO_END = 30
# No page of its web interface loads anything from outside this machine.
_QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_UI_V2_ENABLED": "false", "DO_NOT_TRACK": "1"}


class PrefectOnPostgres:
    """A server on loopback with a database elsewhere; `folder` is its home, and it also gets the variables `more`."""

    def __init__(self, folder: Path, database: str, more: Mapping[str, str] | None = None) -> None:
        self._folder, self._database, self._more = folder, database, dict(more or {})
        self.auth = f"overnight:{secrets.token_urlsafe(16)}"
        with socket.socket() as free:
            free.bind((_HOST, 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://{_HOST}:{self.port}/api"
        self._process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables that a client or a worker needs."""
        return _QUIET | {
            "PREFECT_API_URL": self.url,
            "PREFECT_API_AUTH_STRING": self.auth,
            "PREFECT_HOME": str(self._folder / "home-of-clients"),
        }

    def start(self) -> None:
        """Start the server and wait until it answers; it creates its own tables."""
        own = {
            "PREFECT_HOME": str(self._folder),
            "PREFECT_SERVER_API_AUTH_STRING": self.auth,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": self._database,
        }
        serve = [sys.executable, "-m", "prefect", "server", "start", "--host", _HOST, "--port", str(self.port)]
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *serve],
                env=without_prefect(os.environ) | _QUIET | own | self._more,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until = time.monotonic() + _SECONDS_TO_START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"no Prefect server: {(self._folder / 'output').read_text()[-2000:]}")
            time.sleep(0.2)

    def kill(self) -> None:
        """End the server as a crash would, with every process that it has started."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_SECONDS_TO_END)

    def post(self, path: str, body: Any) -> Any:
        """Post a request with the auth string, and return the answer, if it has one."""
        with self._open(path, json.dumps(body).encode()) as answer:
            return json.loads(answer.read() or "null")

    def get(self, path: str) -> Any:
        """Send a GET request with the auth string, and return the answer."""
        with self._open(path, None) as answer:
            return json.load(answer)

    def _answers(self) -> bool:
        try:
            with self._open("/health", None) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def _open(self, path: str, body: bytes | None) -> Any:
        who = base64.b64encode(self.auth.encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {who}"}
        return urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers), timeout=60)


def without_prefect(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without Prefect's variables."""
    return {name: value for name, value in environment.items() if not name.startswith("PREFECT_")}


@contextmanager
def prefect_on_postgres(folder: Path, database: str) -> Iterator[PrefectOnPostgres]:
    """Start a server, and kill it at the end of the block."""
    server = PrefectOnPostgres(folder, database)
    try:
        server.start()
        yield server
    finally:
        server.kill()
