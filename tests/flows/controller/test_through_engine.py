"""The slot of an attempt is free only once nothing of it runs, even if its engine fails or gives up."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from scripted_campaign import a_campaign

from overnight.bo_core import SobolProposer
from overnight.campaign import EvaluationOutcome, EvaluationRequest, EvaluationSucceeded, History, Measurement
from overnight.campaign.errors import CampaignStopped
from overnight.evaluators import CommandEvaluator
from overnight.flows.controller.job import Execution, Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.controller.through_engine import through_engine
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.storage import MemoryLedger

REQUEST = EvaluationRequest(
    campaign="test",
    trial=1,
    attempt=1,
    key="test-1/1/1",
    parameters={"x": 0.5},
    seed=1,
    expected_metrics=("loss",),
    objective="loss",
)
WELL = EvaluationSucceeded(metrics={"loss": Measurement(mean=1.0)})


class Slow:
    """Evaluates until `go`; if cancelled, takes many rounds of the event loop to end, and may still have a result."""

    time_limit = timedelta(seconds=3)
    grace = timedelta(seconds=600)

    def __init__(self, found: EvaluationOutcome | None = None) -> None:
        self.found, self.go = found, asyncio.Event()
        self.running = self.most = self.ended = self.disturbed = 0

    async def check(self, campaign: Any) -> None:
        pass

    async def evaluate(self, request: Any, folder: Path, report: Any) -> EvaluationOutcome:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.go.wait()
            return WELL
        except asyncio.CancelledError:
            for _ in range(50):
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError:
                    self.disturbed += 1
            if self.found is None:
                raise
            return self.found
        finally:
            self.running -= 1
            self.ended += 1

    async def recover(self, request: Any, folder: Path, report: Any) -> EvaluationOutcome:
        return await self.evaluate(request, folder, report)


class Engine(PlainSteps):
    """Runs attempts with the given function."""

    def __init__(self, run: Callable[[Execution], Any]) -> None:
        self.run = run

    async def evaluate(self, execution: Execution) -> EvaluationOutcome | None:
        return await self.run(execution)


async def out_of_patience(execution: Execution) -> EvaluationOutcome | None:
    # Such a limit cancels repeatedly until its block is left.
    with anyio.fail_after(0.01):
        return await execution.run()


async def broken(execution: Execution) -> EvaluationOutcome | None:
    running = asyncio.create_task(execution.run())
    running.add_done_callback(lambda task: task.cancelled() or task.exception())
    await execution.begun.wait()
    raise RuntimeError("the engine's server is gone")


def execution(evaluator: Any, *, recover: bool = False) -> Execution:
    return Execution(evaluator, REQUEST, Path("unused"), lambda report: None, recover)


async def test_an_attempt_that_its_engine_gives_up_has_ended_before_another_one_is_started():
    evaluator, campaign = Slow(), a_campaign(workers=2, budget={"trials": 4}, failures={"max_in_a_row": 9})
    with suppress(CampaignStopped):
        await _run(evaluator, campaign, Engine(out_of_patience))
    assert evaluator.most == 2
    assert evaluator.ended == 4
    assert evaluator.running == 0
    assert evaluator.disturbed == 0


async def _run(evaluator: Slow, campaign: Any, engine: Engine) -> History:
    job = Job(campaign, evaluator, SobolProposer(), MemoryLedger(), Path("unused"))
    return await run_loop(job, engine, SystemClock(), StopRequest())


@pytest.mark.parametrize("recover", [False, True], ids=["begun", "recovered"])
async def test_what_it_had_found_when_the_engine_gave_it_up_counts(*, recover: bool):
    assert await through_engine(Engine(out_of_patience), execution(Slow(WELL), recover=recover)) == WELL


async def test_one_that_has_found_nothing_by_then_is_the_engines_timeout():
    with pytest.raises(TimeoutError):
        await through_engine(Engine(out_of_patience), execution(Slow()))


async def test_an_engine_that_breaks_takes_nothing_from_an_evaluation_that_goes_on():
    evaluator = Slow()
    running = asyncio.create_task(through_engine(Engine(broken), execution(evaluator)))
    await asyncio.sleep(0.01)
    assert not running.done()
    evaluator.go.set()
    assert await running == WELL


async def test_what_is_cancelled_while_its_engine_is_broken_is_ended():
    evaluator = Slow()
    running = asyncio.create_task(through_engine(Engine(broken), execution(evaluator)))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (evaluator.ended, evaluator.running, evaluator.disturbed) == (1, 0, 0)


async def test_an_attempt_ends_if_all_tasks_are_cancelled_before_its_evaluator_is_called():
    evaluator = Slow()
    attempt = execution(evaluator)
    running = asyncio.create_task(through_engine(PlainSteps(), attempt))
    await asyncio.sleep(0)
    # As the end of an event loop does, for instance after a test has failed.
    for task in (running, *attempt.asked):
        task.cancel()
    await asyncio.wait({running}, timeout=10)
    ended = running.done()
    attempt.begun.set()
    assert ended
    assert running.cancelled()
    assert (len(attempt.asked), evaluator.ended) == (1, 0)


def test_the_longest_time_of_an_attempt_holds_what_it_may_take_to_end():
    evaluator = CommandEvaluator(command=("true",), time_limit=timedelta(hours=1), grace=timedelta(minutes=10))
    assert execution(evaluator).longest == timedelta(hours=1, minutes=10)
