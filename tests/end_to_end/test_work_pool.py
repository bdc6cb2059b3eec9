"""Evaluations on the workers of a real work pool, also when a controller, a worker or a flow run is killed."""

import asyncio
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import command, overnight_here
from namesakes import IMPORTS, write_namesakes
from own_prefect import Server, a_name

from overnight.campaign import History
from overnight.evaluators.processes.supervisor import read_process
from overnight.flows.clusters.order import Claim
from overnight.storage import open_ledger

CAMPAIGN = """
name: {name}
parameters:
  x: {{kind: float, low: 0, high: 1}}
minimize: loss
evaluator: {{function: "objective:evaluate", environment: [OMP_PLACES=cores]}}
proposer: {{kind: sobol}}
workers: 2
budget: {{trials: 2}}
failures: {{back_off: 0}}
run_on: {{pool: {name}}}
resources: {{cpus: 2}}
"""

# Each evaluation writes a line when it begins, and waits as long as the file `hold` exists.
OBJECTIVE = """
import json, os, time

def evaluate(params, report):
    key = json.load(open(os.environ["EVAL_REQUEST"]))["key"]
    report(1, params["x"])
    log = os.open("evaluations.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{key} {os.getpid()} {os.environ['OMP_NUM_THREADS']}\\n".encode())
    while os.path.exists("hold"):
        time.sleep(0.05)
    return (params["x"] - 0.3) ** 2
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a campaign; the campaign and its pool have the folder's name."""
    folder = tmp_path / a_name()
    folder.mkdir()
    (folder / "campaign.yaml").write_text(CAMPAIGN.format(name=folder.name))
    (folder / "objective.py").write_text(IMPORTS + OBJECTIVE)
    write_namesakes(folder)
    return folder


def start(folder: Path, server: Server) -> "subprocess.Popen[bytes]":
    with (folder / "output.log").open("ab") as output:
        return subprocess.Popen(
            command("run", "campaign.yaml"),
            cwd=folder,
            env=server.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def until(condition: Callable[[], bool], folder: Path, limit: float = 400.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, (folder / "output.log").read_text() + (folder / "worker.log").read_text()
        time.sleep(0.2)


def begun(folder: Path) -> list[list[str]]:
    log = folder / "evaluations.log"
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def history(folder: Path) -> History:
    segments = asyncio.run(open_ledger(str(folder / "ledger"), folder.name, folder).read())
    return History.from_events([event for segment in segments for event in segment.events])


def claim_of(folder: Path, key: str) -> Claim:
    return Claim.model_validate_json((folder / "ledger" / folder.name / "attempts" / key / "claim").read_text())


def ends_well(controller: "subprocess.Popen[bytes]", folder: Path) -> History:
    assert controller.wait(600) == 0, (folder / "output.log").read_text()
    found = history(folder)
    assert found.closed_by is not None
    assert found.closed_by.kind == "campaign_finished"
    assert [trial.status for trial in found.trials.values()] == ["observed", "observed"]
    return found


def completed(server: Server, pool: str) -> set[str]:
    """Return the names of the completed flow runs."""
    return {run["name"] for run in server.runs_of(pool) if run["state_type"] == "COMPLETED"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_runs_on_a_pool_when_controller_and_worker_are_killed_is_adopted_and_nothing_is_repeated(folder, server):
    (folder / "hold").touch()
    with server.worker(folder.name, folder) as worker:
        first = start(folder, server)
        until(lambda: len(begun(folder)) == 2, folder)
        for process in (first, worker):
            process.kill()
            process.wait()
        second = start(folder, server)
        until(lambda: history(folder).lease.epoch == 2, folder)
        (folder / "hold").unlink()
        found = ends_well(second, folder)
        # Prefect learns of an end after it is stored, and the controller does not wait for Prefect.
        names = {f"{folder.name}-trial-{trial}-attempt-1" for trial in (1, 2)}
        until(lambda: names <= completed(server, folder.name), folder)
    assert set(Counter(key for key, _, _ in begun(folder)).values()) == {1}
    assert [len(trial.attempts) for trial in found.trials.values()] == [1, 1]
    assert {threads for _, _, threads in begun(folder)} == {"2"}
    assert "whole" in overnight_here(folder, "verify").stdout
    reported = "select distinct trial from events where kind = 'measurement_reported' order by trial"
    assert overnight_here(folder, "query", reported, "--format", "csv").stdout.split() == ["trial", "1", "2"]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_evaluation_whose_flow_run_is_killed_ends_with_it_and_is_tried_again(folder, server):
    (folder / "hold").touch()
    with server.worker(folder.name, folder):
        controller = start(folder, server)
        until(lambda: len(begun(folder)) == 2, folder)
        key, pid, _ = begun(folder)[0]
        os.kill(claim_of(folder, key).pid, signal.SIGKILL)
        until(lambda: read_process(int(pid)) is None, folder)
        until(lambda: len(begun(folder)) == 3, folder)
        (folder / "hold").unlink()
        found = ends_well(controller, folder)
    # Prefect looks for the hooks of a killed run in a separate process, which must find our modules as well.
    assert "ImportError" not in (folder / "worker.log").read_text()
    [failed] = [a.failed for trial in found.trials.values() for a in trial.attempts if a.failed is not None]
    assert failed.cause == "infrastructure"
    assert "left no result on host" in failed.message
    assert sorted(len(trial.attempts) for trial in found.trials.values()) == [1, 2]
