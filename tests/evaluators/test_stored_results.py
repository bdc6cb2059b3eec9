"""A whole result that an evaluation has stored counts, however its processes are ended afterwards."""

import asyncio
from pathlib import Path

import pytest
from attempts import command, no_report, request, until

from campaign import EvaluationFailed, EvaluationSucceeded

STORED = """
    done(metrics={"loss": 2.5})
    write_pid("stored")
"""
TORN = """
    Path(os.environ["EVAL_RESULT"]).write_text('{"metrics": {"lo')
    write_pid("stored")
"""
KILLED = """
    os.kill(os.getpid(), signal.SIGKILL)
"""
PATIENT = """
    time.sleep(1000)
"""


async def test_a_result_counts_though_the_evaluation_was_killed_after_it_stored_it(tmp_path: Path):
    outcome = await command(tmp_path, STORED + KILLED).evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.metrics["loss"].mean == 2.5


async def test_a_result_counts_though_the_evaluation_was_stopped_after_it_stored_it(tmp_path: Path):
    evaluator = command(tmp_path, STORED + PATIENT)
    running = asyncio.create_task(evaluator.evaluate(request(), tmp_path / "attempt", no_report))
    await until((tmp_path / "stored").exists)
    running.cancel()
    outcome = await running
    assert isinstance(outcome, EvaluationSucceeded)
    assert await evaluator.recover(request(), tmp_path / "attempt", no_report) == outcome


async def test_half_a_result_of_a_killed_evaluation_is_none(tmp_path: Path):
    outcome = await command(tmp_path, TORN + KILLED).evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "infrastructure"


async def test_half_a_result_of_a_stopped_evaluation_is_none(tmp_path: Path):
    evaluator = command(tmp_path, TORN + PATIENT)
    running = asyncio.create_task(evaluator.evaluate(request(), tmp_path / "attempt", no_report))
    await until((tmp_path / "stored").exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_evaluation_that_asks_for_another_attempt_gets_one_whatever_it_stored(tmp_path: Path):
    script = STORED + "\n    sys.exit(75)\n"
    outcome = await command(tmp_path, script).evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "infrastructure"
