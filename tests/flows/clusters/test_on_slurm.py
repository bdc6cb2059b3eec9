"""Evaluations on a real Slurm: jobs are pre-empted, controllers are killed, and evaluations misbehave."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import controller_on_cluster
import pytest
from controller_on_cluster import run
from slurm_cluster import SlurmCluster, missing_programs, slurm_cluster

from overnight.campaign import History
from overnight.evaluators.processes.supervisor import read_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.skipif(
        bool(missing_programs()),
        reason=f"Slurm is not installed (no {', '.join(missing_programs())}): apt-get install slurm-wlm munge",
    ),
]

CAMPAIGN = """
name: spread
parameters:
  x: {kind: float, low: 0, high: 1}
minimize: loss
evaluator: {command: [sh, evaluate.sh], grace: 1s, time_limit: 2m}
proposer: {kind: sobol}
workers: 2
budget: {trials: 2}
failures: {back_off: 0}
run_on: {slurm: {partition: night, time: 30m}}
"""
# It notes its key and waits as long as the file `hold` exists.
EVALUATE = """
basename $(dirname $EVAL_REQUEST) >> evaluations.log
while [ -e hold ]; do sleep 0.1; done
echo '{"metrics": {"loss": 1}}' > $EVAL_RESULT
"""

HOSTILE = """
name: hostile
parameters:
  way: {kind: categorical, choices: [WAYS]}
minimize: loss
evaluator: {command: [PYTHON, hostile.py], grace: 1s, time_limit: 2s, environment: [API_TOKEN]}
proposer: {kind: sobol}
start_with: [POINTS]
workers: 10
budget: {trials: 10}
failures: {back_off: 0, max_attempts: 1, max_in_a_row: 100}
"""
WAYS = (
    "crash",
    "hang",
    "grandchildren",
    "huge output",
    "wrong JSON",
    "NaN",
    "missing metric",
    "partial reports",
    "secret",
    "well",
)
EVALUATE_BADLY = """
import json, os, subprocess, sys, time
way = json.load(open(os.environ["EVAL_REQUEST"]))["parameters"]["way"]
result = '{"metrics": {"loss": 1}}'
if way == "crash":
    os.abort()
if way == "hang":
    time.sleep(600)
if way == "grandchildren":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    open("grandchildren.log", "a").write(f"{child.pid}\\n")
if way == "huge output":
    for _ in range(20_000):
        print("x" * 1000)
if way == "wrong JSON":
    result = '{"metrics": {"loss"'
if way == "NaN":
    result = '{"metrics": {"loss": NaN}}'
if way == "missing metric":
    result = '{"metrics": {"speed": 1}}'
if way == "partial reports":
    with open(os.environ["EVAL_REPORTS"], "a") as reports:
        reports.write('{"step": 1, "metrics": {"loss": 3}}\\n{"step": 2, "metrics": {"lo')
if way == "secret":
    sys.exit(f"the token is {os.environ['API_TOKEN']}")
open(os.environ["EVAL_RESULT"], "w").write(result)
"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    with slurm_cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _found(slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in slurm.variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "evaluate.sh").write_text(EVALUATE)
    (tmp_path / "hold").touch()
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    return tmp_path / "campaign.yaml"


def begun(path: Path) -> list[str]:
    log = path.with_name("evaluations.log")
    return sorted(log.read_text().split()) if log.exists() else []


def start_elsewhere(path: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, controller_on_cluster.__file__, str(path)]
    with path.with_name("output.log").open("wb") as output:
        return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": os.getcwd()}, stdout=output, stderr=output)


async def until(condition: Callable[[], bool], running: "asyncio.Task[object] | None" = None) -> None:
    async with asyncio.timeout(120):
        while not condition():
            assert running is None or not running.done(), running.result()
            await asyncio.sleep(0.05)


def keys(history: History) -> list[str]:
    return sorted(attempt.key.rpartition("/")[2] for trial in history.trials.values() for attempt in trial.attempts)


async def test_a_pre_empted_job_runs_again_as_the_same_attempt(path, slurm):
    running = asyncio.create_task(run(path))
    await until(lambda: len(begun(path)) == 2, running)
    slurm.preempt(seconds=1)
    await until(lambda: len(begun(path)) == 4, running)
    path.with_name("hold").unlink()
    history = await running
    assert [trial.status for trial in history.trials.values()] == ["observed"] * 2
    assert begun(path) == sorted(2 * keys(history))
    assert len(keys(history)) == 2


async def test_what_runs_while_both_controllers_are_killed_keeps_its_attempts(path, slurm):
    killed = start_elsewhere(path)
    try:
        await until(lambda: len(begun(path)) == 2)
    finally:
        killed.kill()
        killed.wait()
    # Slurm kills a job that it had not saved before it was killed.
    slurm.wait_until_saved()
    slurm.kill_controller()
    slurm.start_controller()
    slurm.wait_for_controller()
    running = asyncio.create_task(run(path))
    path.with_name("hold").unlink()
    history = await running
    assert [trial.status for trial in history.trials.values()] == ["observed"] * 2
    assert begun(path) == keys(history)
    assert len(keys(history)) == 2


async def test_evaluations_that_misbehave_end_there_as_they_do_here(tmp_path, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "correct-horse-battery")
    (tmp_path / "hostile.py").write_text(EVALUATE_BADLY)
    points = ", ".join(f"{{way: {way}}}" for way in WAYS)
    text = HOSTILE.replace("WAYS", ", ".join(WAYS)).replace("POINTS", points).replace("PYTHON", sys.executable)
    there, here = tmp_path / "there.yaml", tmp_path / "here.yaml"
    there.write_text(text + "run_on: {slurm: {partition: night}}\n")
    here.write_text(text.replace("name: hostile", "name: harmed"))
    ends = []
    for path in (there, here):
        history = await run(path)
        ends.append({trial.point["way"]: how_it_ended(trial) for trial in history.trials.values()})
    assert ends[0] == ends[1]
    assert set(ends[0]) == set(WAYS)
    reports = list((tmp_path / "ledger" / "hostile" / "attempts").glob("*/*/*/reports-*"))
    assert [json.loads(report.read_text())["step"] for report in reports] == [1]
    told = [file for place in ("ledger/hostile", "work") for file in (tmp_path / place).rglob("*") if file.is_file()]
    # The output of an evaluation is its own; nothing that Overnight or Slurm write names the secret.
    leaks = {file.name for file in told if b"correct-horse-battery" in file.read_bytes()}
    assert leaks == {"stderr"}
    assert "correct-horse-battery" not in str(ends)
    assert all(read_process(int(pid)) is None for pid in (tmp_path / "grandchildren.log").read_text().split())


def how_it_ended(trial: object) -> tuple[object, ...]:
    [attempt] = trial.attempts
    failed = attempt.failed
    # A time is different in each run.
    words = "" if failed is None else " ".join(w for w in failed.message.split() if not w[0].isdigit())
    return trial.status, failed and failed.cause, words
