"""A user's own Prefect server, with the requests that tests need, and workers of its pools."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from command_line import environment, overnight_here
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from prefect_on_postgres import without_prefect
from prefect_on_sqlite import ask_prefect

from overnight.flows.engine.server import PrefectServer


def a_name() -> str:
    """Return a unique name for a campaign or a pool, since tests share a server."""
    return f"own-{secrets.token_hex(4)}"


@contextmanager
def unset_prefect() -> Iterator[None]:
    """Remove Prefect's variables from the environment of this process."""
    with patch.dict(os.environ, without_prefect(os.environ), clear=True):
        yield


class Server:
    """A user's own Prefect server, with the requests that tests need."""

    def __init__(self, started: PrefectServer, home: Path) -> None:
        self.started, self.url = started, started.url
        self.environment = environment() | {
            "PREFECT_API_URL": self.url,
            "PREFECT_API_AUTH_STRING": started.auth,
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }

    def restart(self) -> None:
        """Kill the server and start another one on its stored data."""

        async def again() -> None:
            keeping = asyncio.create_task(self.started.keep_alive())
            await self.started.ready()
            keeping.cancel()

        self.started.kill()
        with unset_prefect():
            asyncio.run(again())

    def post(self, path: str, body: dict[str, Any], method: str = "POST") -> Any:
        return ask_prefect(self.url + path, body, method, self.started.auth)

    def runs_of(self, pool: str) -> list[dict[str, Any]]:
        """Return the flow runs of a pool, in the order in which they were created."""
        asked = {"work_pools": {"name": {"any_": [pool]}}}
        return sorted(self.post("/flow_runs/filter", asked), key=lambda run: run["created"])

    def deployment_of(self, pool: str) -> dict[str, Any]:
        """Return the only deployment of a pool."""
        [deployed] = self.post("/deployments/filter", {"work_pools": {"name": {"any_": [pool]}}})
        return deployed

    def run(self, *arguments: str, folder: Path) -> str:
        done = subprocess.run(arguments, cwd=folder, env=self.environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def deploy(self, folder: Path) -> str:
        """Deploy the campaign of a folder to the pool of the same name, in this process, and return what is printed."""
        here = {PREFECT_API_URL: self.url, PREFECT_API_AUTH_STRING: self.started.auth}
        with temporary_settings(here):
            return overnight_here(
                folder, "deploy", "campaign.yaml", "--pool", folder.name, environment=self.environment
            ).stdout

    @contextmanager
    def worker(self, pool: str, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a process worker of the pool in its own session, which is ended afterwards."""
        with (folder / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"],
                cwd=folder,
                env=self.environment | {"PREFECT_WORKER_QUERY_SECONDS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield worker
        finally:
            # A test may have killed the worker, and its session may then be empty.
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start one server for all tests of a folder; each test gives its campaign and its pool a unique name there."""
    home = tmp_path_factory.mktemp("prefect")
    with unset_prefect():
        started = PrefectServer(home)
    try:
        asyncio.run(started.ready())
        yield Server(started, home)
    finally:
        started.close()
