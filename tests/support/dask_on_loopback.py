"""A real Dask cluster for tests: a scheduler and two workers, each a separate process with its nanny."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import Client

_DISTRIBUTED = [sys.executable, "-m"]


@contextmanager
def dask_cluster(folder: Path, *options: str, workers: int = 2) -> Iterator[str]:
    """Yield the scheduler's address; `options` are passed to the workers."""
    file = folder / "scheduler.json"
    # Without an address for it, the dashboard's port listens on all addresses, even if there is no dashboard.
    quiet = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    scheduler = [*_DISTRIBUTED, "distributed.cli.dask_scheduler", *quiet, "--port", "0", "--scheduler-file", str(file)]
    worker = [*_DISTRIBUTED, "distributed.cli.dask_worker", "--scheduler-file", str(file), *quiet, *options]
    started = [_start(scheduler, folder)]
    try:
        address = _address(file, folder)
        started += [_start(worker, folder) for _ in range(workers)]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=120)
        yield address
    finally:
        for process in reversed(started):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _start(command: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "dask.log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def _address(file: Path, folder: Path) -> str:
    deadline = time.monotonic() + 120
    while True:
        try:
            return json.loads(file.read_text())["address"]
        except (FileNotFoundError, ValueError):
            assert time.monotonic() < deadline, (folder / "dask.log").read_text()
            time.sleep(0.05)
