"""A real S3 server, SeaweedFS from its wheel, on loopback: for the tests, and for trying it out (`make s3`)."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import botocore.session
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ending import end_as_by_ctrl_c

BUCKET = "ledger"
_HOST = "127.0.0.1"
_PORTS = ("s3.port", "master.port", "volume.port", "filer.port", "admin.port")
# Each service also opens a port for gRPC, this far above its first port.
_SECOND_PORT = 10_000
_FIRST_PORTS = range(20_000, 45_000, 10)
_SECONDS_TO_START = 60
_SWITCHES = (
    "-webdav=false",
    "-admin.ui=false",
    "-master.telemetry=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-volume.max=1000",
    "-master.volumeSizeLimitMB=64",
)


@dataclass(frozen=True)
class Credentials:
    """A user known to the server."""

    key: str
    secret: str

    def environment(self, endpoint: str) -> dict[str, str]:
        """Return the variables from which every AWS library reads the credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
        }


WRITER = Credentials("overnight-writer", "not-a-secret-of-the-writer")
_OWNER = Credentials("overnight-owner", "not-a-secret-of-the-owner")
AUDITOR = Credentials("overnight-auditor", "not-a-secret-of-the-auditor")


class S3Server:
    """A server with the bucket `ledger`, a writer, and an auditor who may only read; its data are in `folder`.

    It also gets the variables `more`.
    """

    def __init__(self, folder: Path, first_port: int | None = None, more: Mapping[str, str] | None = None) -> None:
        self._folder, self._more = folder, dict(more or {})
        self._ports = _free_ports() if first_port is None else [first_port + i for i in range(len(_PORTS))]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Return the server's URL."""
        return f"http://{_HOST}:{self._ports[0]}"

    def start(self) -> None:
        """Start the server and wait until it has stored an object: an open port alone is not enough."""
        identities = self._folder / "identities.json"
        identities.write_text(
            json.dumps({"identities": [_identity(_OWNER, "Admin"), _identity(WRITER, "Write"), _identity(AUDITOR)]})
        )
        program = shutil.which("weed") or str(Path(sysconfig.get_path("scripts")) / "weed")
        ports = [f"-{name}={port}" for name, port in zip(_PORTS, self._ports, strict=True)]
        places = [f"-dir={self._folder}", f"-ip={_HOST}", f"-ip.bind={_HOST}", f"-s3.config={identities}"]
        # The kernel ends the server with this process, even if this process is killed.
        command = [
            "setpriv",
            "--pdeathsig",
            "KILL",
            program,
            f"-logdir={self._folder}",
            "mini",
            *places,
            *ports,
            *_SWITCHES,
        ]
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env=os.environ | self._more,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until = time.monotonic() + _SECONDS_TO_START
        while not self._keeps_objects():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"no S3 server: {(self._folder / 'output').read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End the server as a crash would; this is quick, and no data need to be saved."""
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for start, port in product(("seaweedfs-",), self._ports):
            for offset in (0, _SECOND_PORT):
                for left in Path(tempfile.gettempdir()).glob(f"{start}*-{port + offset}.sock"):
                    left.unlink(missing_ok=True)

    def client(self, who: Credentials = WRITER) -> BaseClient:
        """Return a plain client, to inspect the bucket from outside."""
        return botocore.session.get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=who.key,
            aws_secret_access_key=who.secret,
            config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}),
        )

    def _keeps_objects(self) -> bool:
        client = self.client(_OWNER)
        try:
            client.create_bucket(Bucket=BUCKET)
        except (BotoCoreError, ClientError) as problem:
            known = getattr(problem, "response", {}).get("Error", {}).get("Code", "")
            if not known.startswith("BucketAlready"):
                return False
        try:
            client.put_object(Bucket=BUCKET, Key=".ready", Body=b"")
        except (BotoCoreError, ClientError):
            return False
        finally:
            client.close()
        return True


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server in its own folder, which is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="overnight-s3-", ignore_cleanup_errors=True) as folder:
        server = S3Server(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()


def _identity(who: Credentials, *more: str) -> dict[str, object]:
    return {
        "name": who.key,
        "credentials": [{"accessKey": who.key, "secretKey": who.secret}],
        "actions": ["Read", "List", *more],
    }


def _free_ports() -> list[int]:
    for first in _FIRST_PORTS[os.getpid() % len(_FIRST_PORTS) :]:
        ports = [first + i for i in range(len(_PORTS))]
        try:
            with ExitStack() as held:
                for port in [*ports, *(port + _SECOND_PORT for port in ports)]:
                    held.enter_context(socket.socket()).bind((_HOST, port))
        except OSError:
            continue
        return ports
    raise RuntimeError("no ports are free for an S3 server")


def main() -> None:
    """Run a server until Ctrl-C or another signal that asks it to end, and print how to use it."""
    end_as_by_ctrl_c()
    with suppress(KeyboardInterrupt), s3_server() as server:
        variables = WRITER.environment(server.endpoint)
        sys.stdout.write("An S3 server runs until Ctrl-C; what is written there goes with it. In another terminal:\n\n")
        sys.stdout.writelines(f"  export {name}={value}\n" for name, value in variables.items())
        sys.stdout.write(f"\nand in a campaign's file:\n\n  ledger: s3://{BUCKET}/my-ledger\n\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main()
