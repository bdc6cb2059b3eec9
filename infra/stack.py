"""Start the services of compose.yaml on this machine, from packages instead of images: `make stack`, until Ctrl-C.

PostgreSQL, a Prefect server that uses it and has its own auth string, an S3 server, a worker for evaluations and one
for the GPU, and a Dask cluster if `distributed` is installed. Everything listens on loopback only, and its data are in
temporary folders that are deleted at the end.
"""

import argparse
import importlib.util
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

# From tests/support, since the tests start the same servers; the Makefile puts that folder on the path.
from ending import end_as_by_ctrl_c
from postgres_server import postgres_server
from prefect_on_postgres import PrefectOnPostgres, prefect_on_postgres, without_prefect
from s3_server import BUCKET, WRITER, s3_server

_HOST = "127.0.0.1"
# The most flow runs of a pool at a time: a GPU serves one proposal at a time.
_POOLS = {"evaluations": None, "gpu": 1}
_DASK_WORKERS = 2
_SECONDS_TO_START = 240
_SECONDS_TO_END = 20


@contextmanager
def stack(say: Callable[[str], None]) -> Iterator[dict[str, str]]:
    """Start everything, and yield the environment for the campaigns, workers and people that use it."""
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="overnight-stack-")))
        say("PostgreSQL …")
        database = parts.enter_context(postgres_server()).create_database("prefect", "postgresql+asyncpg")
        say("S3 server …")
        s3 = parts.enter_context(s3_server())
        say("Prefect server …")
        prefect = parts.enter_context(prefect_on_postgres(folder, database))
        environment = prefect.environment() | WRITER.environment(s3.endpoint)
        for pool, limit in _POOLS.items():
            prefect.post("/work_pools/", {"name": pool, "type": "process", "concurrency_limit": limit})
            worker = [sys.executable, "-m", "prefect", "worker", "start", "--type", "process", "--pool", pool]
            parts.enter_context(_running(worker, environment, folder / f"worker-{pool}"))
        say("workers …")
        _until(lambda: all(_is_served(prefect, pool) for pool in _POOLS), "worker", folder)
        if importlib.util.find_spec("distributed") is None:
            say("no Dask cluster: the package `distributed` is not installed")
        else:
            say("Dask cluster …")
            environment["OVERNIGHT_DASK"] = parts.enter_context(_dask_cluster(environment, folder))
        yield environment


@contextmanager
def _dask_cluster(environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Start a scheduler and its workers, and yield its address."""
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port = free.getsockname()[1]
    address, dask = f"tcp://{_HOST}:{port}", [sys.executable, "-m", "dask"]
    # Without a dashboard it still serves pages, by default on every address of the machine.
    here = ["--host", _HOST, "--no-dashboard", "--dashboard-address", f"{_HOST}:0"]
    many = ["--nworkers", str(_DASK_WORKERS), "--nthreads", "1", "--local-directory", str(folder)]
    client = importlib.import_module("distributed").Client
    with (
        _running([*dask, "scheduler", *here, "--port", str(port)], environment, folder / "dask-scheduler"),
        _running([*dask, "worker", address, *here, *many], environment, folder / "dask-worker"),
        client(address, timeout=_SECONDS_TO_START) as asking,
    ):
        asking.wait_for_workers(_DASK_WORKERS, timeout=_SECONDS_TO_START)
        yield address


@contextmanager
def _running(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """Run a program, and end it together with everything that it has started."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],  # noqa: S607 - every Linux has it on its path
            env=without_prefect(os.environ) | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_END)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_served(prefect: PrefectOnPostgres, pool: str) -> bool:
    return any(worker["status"] == "ONLINE" for worker in prefect.post(f"/work_pools/{pool}/workers/filter", {}))


def _until(true: Callable[[], bool], what: str, logs: Path) -> None:
    give_up = time.monotonic() + _SECONDS_TO_START
    while not true():
        if time.monotonic() > give_up:
            said = "\n".join(log.read_text(errors="replace")[-2000:] for log in sorted(logs.glob(f"{what}*")))
            raise RuntimeError(f"no {what} has started: {said}")
        time.sleep(0.5)


def _exports(environment: Mapping[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


def _how_to_use(environment: Mapping[str, str]) -> str:
    server = environment["PREFECT_API_URL"].removesuffix("/api")
    return f"""
Everything runs until Ctrl-C, and what is written there goes with it. In another terminal:

{_exports(environment)}
With `ledger: s3://{BUCKET}/my-ledger` in a campaign's file:

  overnight deploy campaign.yaml --pool evaluations
  prefect deployment run campaign/NAME
  overnight status campaign.yaml

What Prefect shows is at {server}, which asks for PREFECT_API_AUTH_STRING.
"""


def main() -> None:
    """Start everything, print how to use it, and end it on request."""
    parser = argparse.ArgumentParser(description="Start all parts of a small installation on this machine.")
    parser.add_argument("--exports", type=Path, metavar="FILE", help="write what is to be exported here as well")
    exports = parser.parse_args().exports

    end_as_by_ctrl_c()

    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    with suppress(KeyboardInterrupt), stack(say) as environment:
        say(_how_to_use(environment))
        if exports is not None:
            # The file holds the auth string. It is renamed into place, so that a waiting reader finds all of it.
            written = exports.with_name(f"{exports.name}.part")
            written.touch(mode=0o600)
            written.write_text(_exports(environment))
            written.rename(exports)
        signal.pause()


if __name__ == "__main__":
    main()
