"""A whole result that an evaluation has stored counts, no matter how its processes end afterwards."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from attempts import command, no_report, request, until

from overnight.campaign import EvaluationFailed, EvaluationSucceeded
from overnight.evaluators import PythonEvaluator

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


@pytest.mark.parametrize(
    ("then", "counts"),
    [
        (
            "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), signal.SIGSEGV)",
            True,
        ),
        ("time.sleep(1000)", True),
        ("sys.exit(1)", False),
    ],
    ids=["a crash", "a hang", "an exit code of its own"],
)
async def test_after_a_commands_result_only_its_own_exit_code_speaks_against_it(
    tmp_path: Path, then: str, *, counts: bool
):
    evaluator = command(tmp_path, STORED + f"    {then}\n", time_limit=5)
    outcome = await evaluator.evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationSucceeded) == counts


FUNCTIONS = """
import atexit, ctypes, os, resource, threading, time

def hang(params):
    threading.Thread(target=time.sleep, args=(3600,)).start()
    return params["x"]
def crash(params):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    atexit.register(ctypes.string_at, 0)
    return params["x"]
def leave(params):
    atexit.register(os._exit, 3)
    return params["x"]
def no_number_and_crash(params):
    return {**{"loss": float("nan")}, "size": crash(params)}
"""


@pytest.mark.slow
@pytest.mark.parametrize("function", ["hang", "crash", "leave"])
async def test_what_a_function_has_returned_counts_whatever_the_interpreter_does_afterwards(
    tmp_path: Path, function: str
):
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    evaluator = PythonEvaluator(function=f"functions:{function}", folder=tmp_path, grace=timedelta(seconds=0.2))
    outcome = await evaluator.evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.metrics["loss"].mean == 0.3
    assert await evaluator.recover(request(), tmp_path / "attempt", no_report) == outcome


async def test_a_function_that_returned_no_number_has_an_invalid_result_also_after_a_crash(tmp_path: Path):
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    evaluator = PythonEvaluator(function="functions:no_number_and_crash", folder=tmp_path)
    outcome = await evaluator.evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "invalid_result"
    assert 'the output was: {"metrics": {"loss": NaN, "size": 0.3}}' in outcome.message
