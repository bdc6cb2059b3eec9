"""A private Prefect server on loopback for the time of one campaign.

Only the campaign and its user are let in: every server has an auth string of its own, in its environment and in a file
that nobody else can read.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from overnight.campaign.errors import CannotStart
from overnight.evaluators.processes.private_folder import open_private
from overnight.flows.engine.home import PrefectHome
from overnight.flows.host.named_server import named_server
from overnight.flows.host.own_packages import own_module

_START_LIMIT_SECONDS = 180.0
_POLL_SECONDS = 0.1
_LOOK_AFTER_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
# A server that answers nobody for so long is stopped or wedged: on a machine that is busy it takes a few seconds.
_PATIENCE_SECONDS = 30.0
_USER = "overnight"
CLIENT = "client.env"


@contextlib.asynccontextmanager
async def prefect_server(home: Path) -> AsyncIterator["PrefectServer | None"]:
    """Start a server, or give None if the user has named one; the server is gone afterwards.

    Raises CannotStart if its folder cannot be written to.
    """
    if named_server() is not None:
        yield None
        return
    try:
        server = PrefectServer(home)
    except OSError as problem:
        raise CannotStart(
            f"work: the campaign's own Prefect server cannot begin in `{home}`: {problem}. Mend that, or name another "
            "folder with `work` in the campaign's file. Nothing was started."
        ) from problem
    keeping = asyncio.create_task(server.keep_alive())
    try:
        yield server
    finally:
        keeping.cancel()
        server.close()


class PrefectServer:
    """A server process that is starting or running; it survives neither this object's `close` nor this process.

    The socket is this process's, so that the address stays ours while a server that has died is started again.
    """

    def __init__(self, home: Path, patience: float = _PATIENCE_SECONDS) -> None:
        self._home, self._patience = PrefectHome(home), patience
        self.home, self.log = self._home.folder, self._home.log
        self.log.unlink(missing_ok=True)
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/api"
        self.auth = f"{_USER}:{secrets.token_urlsafe(32)}"
        self._write_client()
        self.process = self._start()

    async def ready(self) -> None:
        """Return when it answers; raises CannotStart with its last words if it does not."""
        deadline = time.monotonic() + _START_LIMIT_SECONDS
        while not await asyncio.to_thread(self._answers):
            if time.monotonic() > deadline:
                words = self.log.read_text(errors="replace")[-2000:]
                raise CannotStart(f"The local Prefect server did not start; its log is {self.log}:\n{words}")
            await asyncio.sleep(_POLL_SECONDS)

    async def keep_alive(self, give_up_after: float = _START_LIMIT_SECONDS) -> None:
        """Start it again at the same address when it has died, or has answered nothing for a while.

        What waits for it goes on by itself. One that is starting may take longer: `give_up_after`.
        """
        give_up = time.monotonic() + give_up_after
        while True:
            await asyncio.sleep(_LOOK_AFTER_SECONDS)
            if self.process.poll() is None:
                if await asyncio.to_thread(self._answers):
                    give_up = time.monotonic() + self._patience
                if time.monotonic() < give_up:
                    continue
                self.kill()
            # If it cannot be started now, it is tried again.
            with contextlib.suppress(OSError):
                self.process = self._start()
            give_up = time.monotonic() + _START_LIMIT_SECONDS

    def kill(self) -> None:
        """End the process, also one that is stopped."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it and remove what it has kept: what matters is in the ledger."""
        self.kill()
        self._socket.close()
        self._home.remove()

    def _write_client(self) -> None:
        """Leave the address and the auth string for the user: `env $(cat FILE) prefect …`."""
        with open_private(self.home / CLIENT) as file:
            file.write(f"PREFECT_API_URL={self.url}\nPREFECT_API_AUTH_STRING={self.auth}\n".encode())

    def _start(self) -> "subprocess.Popen[bytes]":
        with open_private(self.log) as log:
            return subprocess.Popen(
                own_module("overnight.flows.engine.serve", str(self._socket.fileno()), str(os.getpid())),
                env=os.environ | self._settings(),
                # Prefect writes the folder's path into a URL, where `?` and `%` mean something: it gets none.
                cwd=self.home,
                pass_fds=[self._socket.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,
                start_new_session=True,
            )

    def _settings(self) -> dict[str, str]:
        """Return what the server has to have, whatever the environment says."""
        origin = self.url.removesuffix("/api")
        return {
            "PREFECT_HOME": str(self.home),
            "PREFECT_SERVER_API_AUTH_STRING": self.auth,
            "PREFECT_SERVER_API_BASE_PATH": "/api",
            # No page of another origin may read what it answers.
            "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": origin,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:///prefect.db",
            "PREFECT_SERVER_UI_API_URL": self.url,
        }

    def _answers(self) -> bool:
        # Not by urllib, which would ask the proxy that the environment may name.
        connection = HTTPConnection(
            "127.0.0.1", self._socket.getsockname()[1], timeout=min(_ANSWER_SECONDS, self._patience)
        )
        try:
            connection.request("GET", "/api/health")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
