"""A stopped supervisor (SIGSTOP) does nothing: other processes enforce its time limit and end it."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from attempts import PREAMBLE, alive, command, no_report, pid_in, request, start, until

from overnight.campaign import EvaluationFailed, EvaluationSucceeded
from overnight.evaluators.attempt_process import AttemptProcess
from overnight.evaluators.processes.supervisor import STOPPED, read_process

STOP_SUPERVISOR = 'write_pid("child"); write_pid("supervisor", os.getppid()); os.kill(os.getppid(), signal.SIGSTOP)\n'
SLEEP = "time.sleep(1000)"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def attempt_process(folder: Path, script: str, *, time_limit: float = 3600.0) -> AttemptProcess:
    (folder / "script.py").write_text(PREAMBLE + script)
    short = timedelta(seconds=0.2)
    return AttemptProcess(
        command=(sys.executable, "script.py"),
        folder=folder,
        environment={},
        secrets={},
        time_limit=timedelta(seconds=time_limit),
        grace=short,
        margin=short,
    )


async def keep_stopped(pid: int) -> None:
    """Stop a process again whenever it has been continued."""
    with suppress(ProcessLookupError):
        while True:
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(0)


def left(folder: Path) -> list[str]:
    return [name for name in ("child", "supervisor") if alive(int((folder / name).read_text()))]


async def test_the_time_limit_holds_though_the_supervisor_is_stopped(tmp_path: Path):
    evaluator = command(tmp_path, STOP_SUPERVISOR + SLEEP, time_limit=0.5)
    outcome = await evaluator.evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "timeout", outcome.message
    assert left(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("adopted", [False, True], ids=["its own", "adopted"])
async def test_a_supervisor_that_stays_stopped_is_ended_with_its_evaluation_before_that_counts_as_ended(
    tmp_path: Path, *, adopted: bool
):
    process = attempt_process(tmp_path, DEAF + STOP_SUPERVISOR + SLEEP, time_limit=0.5)
    running = asyncio.create_task(process.run(request(), tmp_path / "attempt", no_report))
    stopping = asyncio.create_task(keep_stopped(await pid_in(tmp_path / "supervisor")))
    recovering = process.recover(request(), tmp_path / "attempt", no_report)
    outcome = await (recovering if adopted else running)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "timeout", outcome.message
    assert left(tmp_path) == []
    recovering.close()
    await asyncio.gather(running, stopping)
    # The next controller reads the same outcome.
    again = await process.recover(request(), tmp_path / "attempt", no_report)
    assert isinstance(again, EvaluationFailed)
    assert again.cause == "timeout"


async def test_a_cancellation_does_not_wait_for_ever_for_a_supervisor_that_is_stopped(tmp_path: Path):
    process = attempt_process(tmp_path, DEAF + STOP_SUPERVISOR + SLEEP)
    running = asyncio.create_task(process.run(request(), tmp_path / "attempt", no_report))
    stopping = asyncio.create_task(keep_stopped(await pid_in(tmp_path / "supervisor")))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert left(tmp_path) == []
    await stopping


async def test_a_result_that_was_stored_while_the_supervisor_was_stopped_counts(tmp_path: Path):
    process = attempt_process(tmp_path, STOP_SUPERVISOR + 'done(metrics={"loss": 2.5})', time_limit=1)
    running = asyncio.create_task(process.run(request(), tmp_path / "attempt", no_report))
    stopping = asyncio.create_task(keep_stopped(await pid_in(tmp_path / "supervisor")))
    outcome = await running
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.metrics["loss"].mean == 2.5
    await stopping


async def test_a_stopped_supervisor_is_woken_long_before_the_time_limit(tmp_path: Path):
    evaluator = command(tmp_path, STOP_SUPERVISOR + 'done(metrics={"loss": 2.5})')
    outcome = await evaluator.evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationSucceeded)


WORKER = """
import asyncio, sys
from pathlib import Path
from overnight.campaign import EvaluationRequest
from overnight.evaluators import CommandEvaluator
from overnight.evaluators.attempt_process import ends_with_its_parent
ends_with_its_parent.set(0.3)
evaluator = CommandEvaluator.model_validate_json(sys.argv[1])
request = EvaluationRequest.model_validate_json(sys.argv[2])
asyncio.run(evaluator.evaluate(request, Path(sys.argv[3]), lambda report: None))
"""


@pytest.mark.slow
async def test_what_ends_with_its_worker_ends_also_if_the_worker_is_stopped_for_too_long(tmp_path: Path):
    evaluator = command(tmp_path, 'write_pid("child"); time.sleep(1000)')
    arguments = [evaluator.model_dump_json(), request().model_dump_json(), str(tmp_path / "attempt")]
    worker = start(sys.executable, "-c", WORKER, *arguments)
    try:
        child = await pid_in(tmp_path / "child")
        os.kill(worker.pid, signal.SIGSTOP)
        await until(lambda: not alive(child))
        stopped = read_process(worker.pid)
        assert stopped is not None
        assert stopped.state == STOPPED
    finally:
        worker.kill()
        worker.wait()
