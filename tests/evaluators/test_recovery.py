"""Recovery of an attempt whose controller or supervisor was killed."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from attempts import PREAMBLE, alive, command, kill, no_report, pid_in, request, start, until

from overnight.campaign import EvaluationFailed, EvaluationOutcome, EvaluationSucceeded
from overnight.campaign.evaluation import EvaluationReport
from overnight.evaluators import CommandEvaluator
from overnight.evaluators.processes import supervisor

COUNTED = """
with open("count", "a") as count:
    count.write("x")
write_pid("child")
"""
PATIENT = (
    COUNTED
    + """
print('{"step": 1, "metrics": {"loss": 5}}', file=open(os.environ["EVAL_REPORTS"], "a"), flush=True)
wait_for("go")
done(metrics={"loss": 1})
"""
)

CONTROLLER = """
import asyncio, sys
from pathlib import Path
from overnight.campaign import EvaluationRequest
from overnight.evaluators import CommandEvaluator
evaluator = CommandEvaluator.model_validate_json(sys.argv[1])
request = EvaluationRequest.model_validate_json(sys.argv[2])
asyncio.run(evaluator.evaluate(request, Path(sys.argv[3]), lambda report: None))
"""


async def start_and_kill_controller(evaluator: CommandEvaluator, tmp_path: Path) -> int:
    """Evaluate in a controller that is killed as soon as the evaluation runs; return the evaluation's process id."""
    arguments = [evaluator.model_dump_json(), request().model_dump_json(), str(tmp_path / "attempt")]
    controller = start(sys.executable, "-c", CONTROLLER, *arguments)
    try:
        return await pid_in(tmp_path / "child")
    finally:
        controller.kill()
        controller.wait()


def claim(tmp_path: Path) -> dict[str, int]:
    return json.loads((tmp_path / "attempt" / "claim.json").read_text())


async def recover(evaluator: CommandEvaluator, tmp_path: Path) -> EvaluationOutcome | None:
    return await evaluator.recover(request(), tmp_path / "attempt", no_report)


async def test_a_running_evaluation_survives_its_controller_and_is_adopted(tmp_path: Path):
    evaluator = command(tmp_path, PATIENT)
    child = await start_and_kill_controller(evaluator, tmp_path)
    heard: list[EvaluationReport] = []
    adopted = asyncio.create_task(evaluator.recover(request(), tmp_path / "attempt", heard.append))
    await until(lambda: bool(heard))
    assert alive(child)
    assert not adopted.done()
    (tmp_path / "go").touch()
    outcome = await adopted
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.metrics["loss"].mean == 1
    assert [report.step for report in heard] == [1]
    assert (tmp_path / "count").read_text() == "x"


async def test_an_evaluation_that_ended_while_nobody_watched_gives_its_result_every_time(tmp_path: Path):
    evaluator = command(tmp_path, PATIENT)
    await start_and_kill_controller(evaluator, tmp_path)
    (tmp_path / "go").touch()
    await until((tmp_path / "attempt" / "exit.json").exists)
    first, second = await recover(evaluator, tmp_path), await recover(evaluator, tmp_path)
    assert isinstance(first, EvaluationSucceeded)
    assert first == second


@pytest.mark.slow
async def test_the_time_limit_holds_without_a_controller(tmp_path: Path):
    evaluator = command(tmp_path, PATIENT, time_limit=3)
    child = await start_and_kill_controller(evaluator, tmp_path)
    outcome = await recover(evaluator, tmp_path)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "timeout"
    assert not alive(child)


async def test_an_adopted_evaluation_is_stopped_on_cancellation(tmp_path: Path):
    evaluator = command(tmp_path, PATIENT)
    child = await start_and_kill_controller(evaluator, tmp_path)
    heard: list[EvaluationReport] = []
    adopted = asyncio.create_task(evaluator.recover(request(), tmp_path / "attempt", heard.append))
    await until(lambda: bool(heard))
    adopted.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adopted
    assert not alive(child)


@pytest.mark.slow
async def test_what_a_controller_stopped_that_died_over_it_was_cancelled(tmp_path: Path):
    evaluator = command(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN)" + PATIENT, grace=3)
    await start_and_kill_controller(evaluator, tmp_path)
    stopped = asyncio.create_task(evaluator.recover(request(), tmp_path / "attempt", no_report))
    await asyncio.sleep(0)
    stopped.cancel()
    # The first controller has requested the stop, and never learns how the attempt ended.
    await until((tmp_path / "attempt" / "stop.json").exists)
    outcome = await recover(evaluator, tmp_path)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "cancelled"
    with pytest.raises(asyncio.CancelledError):
        await stopped


async def test_what_was_ended_by_others_while_no_controller_watched_was_not_cancelled(tmp_path: Path):
    evaluator = command(tmp_path, PATIENT)
    await start_and_kill_controller(evaluator, tmp_path)
    os.kill(claim(tmp_path)["pid"], signal.SIGTERM)
    outcome = await recover(evaluator, tmp_path)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "infrastructure"


@pytest.mark.parametrize(
    "hide",
    [
        "",
        "os.setsid()",
        'os.environ.clear(); os.execve(sys.executable, [sys.executable, "stubborn.py"], {})',
    ],
    ids=["in its session", "in a session of its own", "without its environment"],
)
async def test_without_controller_and_supervisor_the_rest_is_ended_and_proven_dead(tmp_path: Path, hide: str):
    (tmp_path / "stubborn.py").write_text(
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open('grandchild.tmp', 'w').write(str(os.getpid()))\n"
        "os.rename('grandchild.tmp', 'grandchild')\n"
        "time.sleep(1000)\n"
    )
    script = f"""
if os.fork() == 0:
    {hide}
    exec(open("stubborn.py").read())
wait_for("grandchild")
"""
    evaluator = command(tmp_path, "")
    (tmp_path / "script.py").write_text(PREAMBLE + script + COUNTED + "time.sleep(1000)")
    child = await start_and_kill_controller(evaluator, tmp_path)
    grandchild = await pid_in(tmp_path / "grandchild")
    kill(claim(tmp_path)["pid"])
    outcome = await recover(evaluator, tmp_path)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "infrastructure"
    assert not alive(child)
    assert not alive(grandchild)


async def test_a_whole_result_counts_though_the_supervisor_was_killed(tmp_path: Path):
    evaluator = command(tmp_path, COUNTED + 'done(metrics={"loss": 2}); write_pid("finished"); time.sleep(1000)')
    await start_and_kill_controller(evaluator, tmp_path)
    await until((tmp_path / "finished").exists)
    kill(claim(tmp_path)["pid"])
    outcome = await recover(evaluator, tmp_path)
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.metrics["loss"].mean == 2


async def test_a_stranger_with_the_supervisors_number_is_left_alone(tmp_path: Path):
    evaluator = command(tmp_path, "")
    stranger = start("sleep", "1000")
    try:
        own = supervisor.read_process(stranger.pid)
        assert own is not None
        (tmp_path / "attempt").mkdir()
        before = {"pid": stranger.pid, "ticks": own.ticks - 1, "boot": supervisor.boot_id()}
        (tmp_path / "attempt" / "claim.json").write_text(json.dumps(before))
        outcome = await recover(evaluator, tmp_path)
        assert isinstance(outcome, EvaluationFailed)
        assert outcome.cause == "infrastructure"
        assert alive(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


async def test_what_nobody_claimed_is_dead_and_a_late_supervisor_refuses_to_start(tmp_path: Path):
    evaluator = command(tmp_path, COUNTED + 'done(metrics={"loss": 1})')
    assert await recover(evaluator, tmp_path) is None
    late = await evaluator.evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(late, EvaluationFailed)
    assert late.cause == "infrastructure"
    assert not (tmp_path / "count").exists()
    assert await recover(evaluator, tmp_path) is None


async def test_of_a_supervisor_and_a_recoverer_at_once_exactly_one_wins(tmp_path: Path):
    evaluator = command(tmp_path, COUNTED + 'done(metrics={"loss": 1})')
    for round_ in range(5):
        folder = tmp_path / f"attempt-{round_}"
        (tmp_path / "count").unlink(missing_ok=True)
        running = asyncio.create_task(evaluator.evaluate(request(), folder, no_report))
        await until((folder / "start.json").exists)
        recovered = await evaluator.recover(request(), folder, no_report)
        evaluated = await running
        ran = (tmp_path / "count").exists()
        assert isinstance(evaluated, EvaluationSucceeded) == ran
        assert (recovered is not None) == ran


async def test_an_attempt_whose_folder_cannot_be_used_any_more_is_ended_before_it_may_be_tried_again(tmp_path: Path):
    evaluator = command(tmp_path, PATIENT)
    child = await start_and_kill_controller(evaluator, tmp_path)
    (tmp_path / "attempt").rename(tmp_path / "elsewhere")
    (tmp_path / "attempt").touch()
    with pytest.raises(OSError, match="attempt"):
        await recover(evaluator, tmp_path)
    assert not alive(child)


async def test_what_is_left_of_an_attempt_whose_supervisor_and_folder_are_gone_is_ended_with_it(tmp_path: Path):
    script = """
    import shutil
    write_pid("child")
    shutil.rmtree("attempt")
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)
    """
    with pytest.raises(OSError, match="attempt"):
        await command(tmp_path, script).evaluate(request(), tmp_path / "attempt", no_report)
    assert not alive(await pid_in(tmp_path / "child"))
