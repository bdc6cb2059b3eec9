"""A private Prefect server on the loopback interface, for the duration of one campaign.

Only the campaign and its user are admitted: each server has an auth string of its own, in its environment and in a file
that no other user can read.
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
_CHECK_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
# A server that does not answer for this long is stopped or stuck; on a busy machine, an answer takes a few seconds.
_PATIENCE_SECONDS = 30.0
_USER = "overnight"
CLIENT = "client.env"


@contextlib.asynccontextmanager
async def prefect_server(home: Path) -> AsyncIterator["PrefectServer | None"]:
    """Start and yield a server, or yield None if the user has named one; end the server afterwards.

    Raises CannotStart if its folder cannot be written to.
    """
    if named_server() is not None:
        yield None
        return
    try:
        server = PrefectServer(home)
    except OSError as problem:
        raise CannotStart(
            f"work: the campaign's private Prefect server cannot start in `{home}`: {problem}. Correct that, or name "
            "another folder with `work` in the campaign's file. Nothing was started."
        ) from problem
    keeping = asyncio.create_task(server.keep_alive())
    try:
        yield server
    finally:
        keeping.cancel()
        server.close()


class PrefectServer:
    """A server process that is starting or running; it ends with this object's `close`, or with this process.

    The socket belongs to this process, so that the address stays ours while a server that has died is started again.
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
        """Return once the server answers; raises CannotStart with the end of its log if it does not."""
        deadline = time.monotonic() + _START_LIMIT_SECONDS
        while not await asyncio.to_thread(self._answers):
            if time.monotonic() > deadline:
                words = self.log.read_text(errors="replace")[-2000:]
                raise CannotStart(f"The local Prefect server did not start; its log is {self.log}:\n{words}")
            await asyncio.sleep(_POLL_SECONDS)

    async def keep_alive(self, give_up_after: float = _START_LIMIT_SECONDS) -> None:
        """Restart the server at the same address when it has died, or has not answered for a while.

        Clients that wait for it continue by themselves. A server that is starting has `give_up_after` seconds.
        """
        give_up = time.monotonic() + give_up_after
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            if self.process.poll() is None:
                if await asyncio.to_thread(self._answers):
                    give_up = time.monotonic() + self._patience
                if time.monotonic() < give_up:
                    continue
                self.kill()
            # If it cannot be started now, the next round tries again.
            with contextlib.suppress(OSError):
                self.process = self._start()
            give_up = time.monotonic() + _START_LIMIT_SECONDS

    def kill(self) -> None:
        """End the process, even if it is stopped."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End the server and remove its files; nothing is lost, because the ledger is elsewhere."""
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
                # A relative path to the database: Prefect writes it into a URL, in which `?` and `%` are special.
                cwd=self.home,
                pass_fds=[self._socket.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,
                start_new_session=True,
            )

    def _settings(self) -> dict[str, str]:
        """Return the settings that the server must have, regardless of the environment."""
        origin = self.url.removesuffix("/api")
        return {
            "PREFECT_HOME": str(self.home),
            "PREFECT_SERVER_API_AUTH_STRING": self.auth,
            "PREFECT_SERVER_API_BASE_PATH": "/api",
            # No page of another origin may read the server's answers.
            "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": origin,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:///prefect.db",
            "PREFECT_SERVER_UI_API_URL": self.url,
        }

    def _answers(self) -> bool:
        # Not with urllib, which would use a proxy that the environment names.
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
