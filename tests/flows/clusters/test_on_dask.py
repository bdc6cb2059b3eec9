"""Evaluations on a real Dask cluster of several processes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import controller_on_cluster
import pytest
from controller_on_cluster import run
from dask_on_loopback import dask_cluster
from namesakes import IMPORTS, write_namesakes

from overnight.evaluators.processes.supervisor import all_processes, read_process, send, with_descendants
from overnight.flows.clusters.order import Claim
from overnight.flows.host.attempt_key import attempt_number, trial_part
from overnight.flows.host.stop import Stop, StopRequest

CAMPAIGN = """
name: spread
parameters:
  x: {{kind: float, low: 0, high: 1}}
minimize: loss
evaluator: {{function: "objective:evaluate", grace: 1s}}
proposer: {{kind: sobol}}
workers: {workers}
budget: {{trials: {trials}}}
failures: {{back_off: 0}}
run_on: {{dask: "{address}"}}
resources: {{gpus: 1}}
"""

# Each evaluation writes a line when it begins, and waits as long as the file `hold` exists.
OBJECTIVE = """
import json, os, time

def evaluate(params):
    key = json.load(open(os.environ["EVAL_REQUEST"]))["key"]
    log = os.open("evaluations.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{key} {os.getpid()}\\n".encode())
    while os.path.exists("hold"):
        time.sleep(0.05)
    return (params["x"] - 0.3) ** 2
"""

CROWD = 64
CROWD_COMMAND = f"""
touch $EVAL_ARTIFACTS/../../../begun-$(basename $(dirname $(dirname $EVAL_REQUEST)))
while [ $(ls $EVAL_ARTIFACTS/../../.. | grep -c begun-) -lt {CROWD} ]; do sleep 1; done
echo '{{"metrics": {{"loss": 1.0}}}}' > $EVAL_RESULT
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("dask")
    write_namesakes(folder)
    with dask_cluster(folder, "--nthreads", str(CROWD // 2), "--resources", f"gpus={CROWD // 2}") as address:
        yield address


def a_campaign(folder: Path, address: str, *, workers: int, trials: int) -> Path:
    (folder / "objective.py").write_text(IMPORTS + OBJECTIVE)
    write_namesakes(folder)
    path = folder / "campaign.yaml"
    path.write_text(CAMPAIGN.format(address=address, workers=workers, trials=trials))
    return path


def begun(folder: Path) -> list[list[str]]:
    log = folder / "evaluations.log"
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def claim_of(folder: Path, key: str) -> Claim:
    return Claim.model_validate_json((folder / "ledger" / "spread" / "attempts" / key / "claim").read_text())


def start_elsewhere(path: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, controller_on_cluster.__file__, str(path)]
    with path.with_name("output.log").open("wb") as output:
        return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": os.getcwd()}, stdout=output, stderr=output)


async def until(condition: Callable[[], bool], running: "asyncio.Task[object] | None" = None) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        if running is not None and running.done():
            raise AssertionError(f"it ended first: {running.result()}")
        assert time.monotonic() < deadline, "what was waited for did not come"
        await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_trials_are_evaluated_on_all_workers(tmp_path, address):
    (tmp_path / "hold").touch()
    path = a_campaign(tmp_path, address, workers=4, trials=4)
    running = asyncio.create_task(run(path))
    await until(lambda: len(begun(tmp_path)) == 4, running)
    (tmp_path / "hold").unlink()
    history = await running
    assert history.closed_by.kind == "campaign_finished"
    assert len(history.model_view().observed) == 4
    assert len({claim_of(tmp_path, key).worker for key, _ in begun(tmp_path)}) == 2


@pytest.mark.slow
async def test_sixty_four_evaluations_run_at_once(tmp_path, address):
    path = a_campaign(tmp_path, address, workers=CROWD, trials=CROWD)
    script = tmp_path / "crowd.sh"
    script.write_text(CROWD_COMMAND)
    path.write_text(
        path.read_text().replace('{function: "objective:evaluate", grace: 1s}', f"{{command: sh {script}}}")
    )
    history = await run(path)
    assert len(history.model_view().observed) == CROWD
    assert {len(trial.attempts) for trial in history.trials.values()} == {1}


@pytest.mark.slow
async def test_what_a_dead_worker_had_taken_is_tried_again_on_another_one(tmp_path, address):
    (tmp_path / "hold").touch()
    path = a_campaign(tmp_path, address, workers=1, trials=1)
    running = asyncio.create_task(run(path))
    await until(lambda: len(begun(tmp_path)) == 1, running)
    [[key, pid]] = begun(tmp_path)
    failed = claim_of(tmp_path, key)
    os.kill(failed.pid, signal.SIGKILL)
    await until(lambda: len(begun(tmp_path)) == 2, running)
    assert read_process(int(pid)) is None
    second = begun(tmp_path)[1][0]
    (tmp_path / "hold").unlink()
    history = await running
    assert trial_part(second) == trial_part(key)
    assert [attempt_number(one.rpartition("/")[2]) for one in (key, second)] == [1, 2]
    assert claim_of(tmp_path, second).worker != failed.worker
    [first, _] = history.trials[1].attempts
    assert first.failed.cause == "infrastructure"
    assert f"process {failed.pid} has died" in first.failed.message
    assert history.trials[1].status == "observed"


@pytest.mark.slow
async def test_what_runs_on_a_worker_at_its_walltime_is_tried_again_and_the_point_is_not_to_blame(tmp_path):
    (tmp_path / "hold").touch()
    (tmp_path / "dask").mkdir()
    with dask_cluster(tmp_path / "dask", "--nthreads", "1", "--resources", "gpus=1") as address:
        path = a_campaign(tmp_path, address, workers=1, trials=1)
        running = asyncio.create_task(run(path))
        await until(lambda: len(begun(tmp_path)) == 1, running)
        [[key, pid]] = begun(tmp_path)
        failed = claim_of(tmp_path, key)
        worker = read_process(failed.pid)
        assert worker is not None
        # A scheduler such as Slurm asks all processes of the job to end at once, the evaluation as well.
        send(signal.SIGTERM, with_descendants({worker.parent}, all_processes()))
        await until(lambda: len(begun(tmp_path)) == 2, running)
        assert read_process(int(pid)) is None
        (tmp_path / "hold").unlink()
        history = await running
    second = begun(tmp_path)[1][0]
    assert claim_of(tmp_path, second).worker != failed.worker
    [first, _] = history.trials[1].attempts
    assert first.failed is not None
    assert (first.failed.cause, first.failed.will_retry) == ("infrastructure", True)
    # Whether the worker still stores how the evaluation ended depends on which of their processes ends first.
    assert "SIGTERM" in first.failed.message or f"process {failed.pid} has died" in first.failed.message
    assert history.trials[1].status == "observed"
    assert len(begun(tmp_path)) == 2


@pytest.mark.slow
async def test_what_runs_when_the_controller_is_killed_is_adopted_and_nothing_is_repeated(tmp_path, address):
    (tmp_path / "hold").touch()
    path = a_campaign(tmp_path, address, workers=2, trials=2)
    killed = start_elsewhere(path)
    try:
        await until(lambda: len(begun(tmp_path)) == 2)
    finally:
        killed.kill()
        killed.wait()
    running = asyncio.create_task(run(path))
    (tmp_path / "hold").unlink()
    history = await running
    assert [trial.status for trial in history.trials.values()] == ["observed", "observed"]
    assert [len(trial.attempts) for trial in history.trials.values()] == [1, 1]
    assert set(Counter(key for key, _ in begun(tmp_path)).values()) == {1}


@pytest.mark.slow
async def test_a_campaign_that_is_stopped_at_once_leaves_nothing_running(tmp_path, address):
    (tmp_path / "hold").touch()
    path = a_campaign(tmp_path, address, workers=2, trials=2)
    stop = StopRequest()
    running = asyncio.create_task(run(path, stop))
    await until(lambda: len(begun(tmp_path)) == 2, running)
    stop.ask_for(Stop.NOW)
    history = await running
    assert [read_process(int(pid)) for _, pid in begun(tmp_path)] == [None, None]
    assert [trial.attempts[0].failed.cause for trial in history.trials.values()] == ["cancelled", "cancelled"]
