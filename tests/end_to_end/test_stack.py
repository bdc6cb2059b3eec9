"""A campaign that uses all parts of an installation at once, as `make stack` starts them on one machine."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import command, overnight_here
from prefect_on_postgres import without_prefect

from overnight.evaluators.processes.supervisor import read_process

ROOT = Path(__file__).parents[2]
# In the notation of the kernel.
LISTENING = "0A"
LOOPBACK = {"0100007F", "00000000000000000000000001000000"}

CAMPAIGN = """
name: whole
parameters:
  x: {kind: float, low: 0, high: 1}
  y: {kind: float, low: 0, high: 1}
minimize: loss
evaluator: {function: "objective:evaluate", environment: [MEASURING_TOKEN], time_limit: 5m}
workers: 2
budget: {trials: 9}
ledger: s3://ledger/of-the-stack
"""

OBJECTIVE = """
import os

def evaluate(params):
    assert os.environ["MEASURING_TOKEN"] == "of-the-worker"
    assert "AWS_SECRET_ACCESS_KEY" not in os.environ
    print("measured by", os.getpid())
    return (params["x"] - 0.3) ** 2 + (params["y"] - 0.6) ** 2
"""


class Stack:
    """Everything that `make stack` starts, as used from another terminal."""

    def __init__(self, process: subprocess.Popen[bytes], exports: str) -> None:
        self.process = process
        words = shlex.split(exports)
        self.environment = dict(word.split("=", 1) for word in words if word != "export")

    def run(self, *arguments: str, folder: Path) -> str:
        done = subprocess.run(
            arguments,
            cwd=folder,
            env=without_prefect(os.environ) | self.environment | {"MEASURING_TOKEN": "of-the-terminal"},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    exports, output = tmp_path_factory.mktemp("stack") / "exports", tmp_path_factory.mktemp("said") / "output"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    with output.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "infra" / "stack.py"), "--exports", str(exports)],
            env=without_prefect(os.environ) | {"PYTHONPATH": paths, "MEASURING_TOKEN": "of-the-worker"},
            stdout=said,
            stderr=said,
        )
    try:
        while not exports.exists():
            assert process.poll() is None, output.read_text()
            time.sleep(0.2)
        yield Stack(process, exports.read_text())
        started = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0, output.read_text()
        # Killed processes do not disappear at once.
        until = time.monotonic() + 60
        while left := [pid for pid in started if read_process(pid) is not None]:
            assert time.monotonic() < until, left
            time.sleep(0.1)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(120)


def descendants(root: int) -> set[int]:
    """Return the ids of all processes that this one has started, directly or not."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    family, grew = {root}, True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        family, grew = family | more, bool(more)
    return family - {root}


def listening_addresses(pids: set[int]) -> set[str]:
    """Return the addresses, in the notation of the kernel, on which any of these processes listens."""
    inodes = set()
    for pid in pids:
        for fd in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(os.readlink(fd).removeprefix("socket:[").removesuffix("]"))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and fields[9] in inodes:
                found.add(fields[1].partition(":")[0])
    return found


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_deployed_campaign_runs_through_all_parts_and_its_ledger_is_whole(stack: Stack, tmp_path: Path):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    prefect = [sys.executable, "-m", "prefect"]
    stack.run(*command("deploy", "campaign.yaml", "--pool", "evaluations"), folder=tmp_path)
    stack.run(*prefect, "deployment", "run", "campaign/whole", "--watch", folder=tmp_path)

    def said(*arguments: str) -> str:
        return overnight_here(tmp_path, *arguments, environment=stack.environment).stdout

    assert "finished: all 9 trials" in said("status")
    rows = json.loads(said("trials", "--format", "json"))
    assert [row["status"] for row in rows] == ["observed"] * 9
    assert "whole" in said("verify")
    assert "different" not in said("replay")
    assert not (tmp_path / "ledger").exists()
    assert (tmp_path / "work" / "whole-report.html").exists()


@pytest.mark.slow
def test_nothing_of_it_listens_beyond_this_machine(stack: Stack):
    listening = {
        Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "): found
        for pid in descendants(stack.process.pid)
        if (found := listening_addresses({pid}))
    }
    assert len(listening) >= 3
    assert {program: found - LOOPBACK for program, found in listening.items() if found - LOOPBACK} == {}


@pytest.mark.slow
def test_its_prefect_lets_nobody_in_without_the_auth_string(stack: Stack):
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{stack.environment['PREFECT_API_URL']}/admin/version", timeout=60)


@pytest.mark.slow
def test_both_pools_have_a_worker_and_the_gpu_serves_one_at_a_time(stack: Stack, tmp_path: Path):
    pools = json.loads(
        stack.run(sys.executable, "-m", "prefect", "work-pool", "ls", "--output", "json", folder=tmp_path)
    )
    found = {pool["name"]: (pool["status"], pool["concurrency_limit"]) for pool in pools}
    assert found == {"evaluations": ("READY", None), "gpu": ("READY", 1)}


@pytest.mark.slow
def test_its_dask_cluster_computes(stack: Stack, tmp_path: Path):
    pytest.importorskip("distributed")
    ask = "from distributed import Client; print(Client({!r}).submit(sum, [1, 2]).result())"
    address = stack.environment["OVERNIGHT_DASK"]
    assert stack.run(sys.executable, "-c", ask.format(address), folder=tmp_path).split() == ["3"]
