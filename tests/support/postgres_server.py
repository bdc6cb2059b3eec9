"""A real PostgreSQL from the distribution's package, on loopback: the usual database of a larger Prefect server."""

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_HOST = "127.0.0.1"
_SUPERUSER = "overnight"
# PostgreSQL refuses to run as root; Debian's package creates this user.
_INSTEAD_OF_ROOT = "postgres"
_WHERE_DEBIAN_KEEPS_IT = Path("/usr/lib/postgresql")
_SECONDS_TO_START = 60
_SECONDS_TO_END = 30


class PostgresServer:
    """A server with its own superuser and password; its data are in `folder` and survive `kill`.

    Its processes also get the variables `more`.
    """

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None) -> None:
        self._folder, self._more = folder, dict(more or {})
        self._data = folder / "data"
        self._password = secrets.token_urlsafe(16)
        with socket.socket() as free:
            free.bind((_HOST, 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str, driver: str = "postgresql") -> str:
        """Return the URL of a database with the password in it, for SQLAlchemy and similar libraries."""
        return f"{driver}://{_SUPERUSER}:{self._password}@{_HOST}:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it answers; the first start creates the data folder."""
        if not self._data.exists():
            self._initialise()
        settings = {
            "listen_addresses": _HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "on",
            "max_connections": 200,
        }
        switches = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                # SIGQUIT ends the server and its own processes quickly, even if this process is killed.
                ["setpriv", "--pdeathsig", "QUIT", *_as_somebody(), _program("postgres"), "-D", self._data, *switches],
                cwd=self._folder,
                env=os.environ | self._more,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until = time.monotonic() + _SECONDS_TO_START
        ask = [_program("pg_isready"), "--quiet", "--host", _HOST, "--port", str(self.port)]
        while subprocess.run(ask, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"no PostgreSQL: {(self._folder / 'output').read_text()[-2000:]}")
            time.sleep(0.05)

    def create_database(self, name: str, driver: str = "postgresql") -> str:
        """Create an empty database and return its address."""
        self._client("createdb", name)
        return self.url(name, driver)

    def dump(self, database: str) -> str:
        """Return everything that a database holds, as text."""
        return self._client("pg_dump", "--inserts", database)

    def kill(self) -> None:
        """End the server as a crash would: nothing is flushed, and the next start recovers the committed data."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _initialise(self) -> None:
        # The folder belongs to the user that runs the server, and no other user can read the password.
        password = self._folder / "password"
        password.write_text(self._password)
        if user := _instead_of_root():
            for path in (self._folder, password):
                shutil.chown(path, user, user)
        initdb = [_program("initdb"), "-D", str(self._data), "--username", _SUPERUSER, "--pwfile", str(password)]
        how = ["--auth", "scram-sha-256", "--no-locale", "--encoding", "UTF8"]
        subprocess.run(
            ["setpriv", *_as_somebody(), *initdb, *how], cwd=self._folder, check=True, capture_output=True, text=True
        )
        password.unlink()

    def _client(self, program: str, *arguments: str) -> str:
        who = ["--host", _HOST, "--port", str(self.port), "--username", _SUPERUSER]
        answer = subprocess.run(
            [_program(program), *who, *arguments],
            env=os.environ | {"PGPASSWORD": self._password},
            check=True,
            capture_output=True,
            text=True,
        )
        return answer.stdout


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server in its own folder, which is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="overnight-postgres-") as folder:
        server = PostgresServer(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()


def _program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs; Debian keeps them next to the server, outside the PATH."""
    servers = sorted(_WHERE_DEBIAN_KEEPS_IT.glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    server = shutil.which("postgres") or (str(servers[-1]) if servers else None)
    if server is None:
        raise RuntimeError("PostgreSQL is not installed: expected `postgres` on the PATH or Debian's package.")
    return str(Path(server).resolve().parent / name)


def _instead_of_root() -> str | None:
    return _INSTEAD_OF_ROOT if getpass.getuser() == "root" else None


def _as_somebody() -> list[str]:
    user = _instead_of_root()
    return [f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else ["--no-new-privs"]
