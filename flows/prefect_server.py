"""A Prefect server for as long as one campaign runs, on loopback, where the environment names no other."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

from campaign.errors import CannotStart
from flows.prefect_environment import somebody_else_serves

_START_LIMIT_SECONDS = 180.0
_POLL_SECONDS = 0.2
_LOOK_AFTER_SECONDS = 1.0


@contextlib.asynccontextmanager
async def prefect_server(home: Path) -> AsyncIterator["PrefectServer | None"]:
    """Start a server, or give None where the environment names one; the server is gone afterwards."""
    if somebody_else_serves():
        yield None
        return
    server = PrefectServer(home)
    keeping = asyncio.create_task(server.keep_alive())
    try:
        yield server
    finally:
        keeping.cancel()
        server.kill()


class PrefectServer:
    """A server process that is starting or running; it survives neither this object's `kill` nor this process."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "server.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.process = self._start()

    async def ready(self) -> None:
        """Return when it answers; raises CannotStart with its last words if it does not."""
        deadline = time.monotonic() + _START_LIMIT_SECONDS
        while not await asyncio.to_thread(self._answers):
            if time.monotonic() > deadline:
                words = self.log.read_text(errors="replace")[-2000:]
                raise CannotStart(f"The local Prefect server did not start; its log is {self.log}:\n{words}")
            await asyncio.sleep(_POLL_SECONDS)

    async def keep_alive(self) -> None:
        """Start it again at the same address whenever it has died; what waits for it goes on by itself."""
        while True:
            await asyncio.sleep(_LOOK_AFTER_SECONDS)
            if self.process.poll() is not None:
                self.process = self._start()

    def kill(self) -> None:
        """End it; what matters is in the ledger."""
        self.process.kill()
        self.process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "flows.serve_prefect", str(self.port), str(os.getpid())],
                env=os.environ | {"PREFECT_HOME": str(self.home.resolve())},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/health", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False
