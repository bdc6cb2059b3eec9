"""The arms of a batch share one call of the evaluator, whatever happens to any of them."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from overnight.campaign import EvaluationFailed, EvaluationRequest, EvaluationSucceeded, Measurement
from overnight.campaign.evaluation import Arm, ArmResult, EvaluationOngoing, EvaluationPlaced, EvaluationReport
from overnight.evaluators.evaluator import TRIAL_IS_OVER
from overnight.flows.experiment.marking import Marking
from overnight.flows.experiment.together import Together

LIKES = {"likes": Measurement(mean=3.0, sem=0.1, n=50)}


def arms(*ended: int) -> tuple[Arm, ...]:
    return tuple(
        Arm(
            trial=trial,
            key=f"test/{trial}/1-ab",
            parameters={"x": trial},
            traffic=traffic,
            status_quo=trial == 7,
            ended=trial in ended,
        )
        for trial, traffic in ((7, 50), (8, 30), (9, 20))
    )


def request(trial: int, *ended: int) -> EvaluationRequest:
    return EvaluationRequest(
        campaign="test",
        trial=trial,
        attempt=1,
        key=f"test/{trial}/1-ab",
        parameters={"x": trial},
        seed=1,
        expected_metrics=("likes",),
        objective="likes",
        arms=arms(*ended),
    )


@dataclass
class Asked:
    """An evaluator that waits until it is told what to answer, and keeps what it was asked."""

    calls: list[tuple[str, EvaluationRequest, Path]] = field(default_factory=list)
    cancelled: list[tuple[object, ...]] = field(default_factory=list)
    after_cancellation: EvaluationOngoing | None = None
    time_limit = grace = patience = timedelta(seconds=1)

    def __post_init__(self) -> None:
        self.answer = asyncio.get_running_loop().create_future()

    async def evaluate(self, request, folder, report, how="evaluate"):
        self.calls.append((how, request, folder))
        self.report = report
        try:
            return await asyncio.shield(self.answer)
        except asyncio.CancelledError as why:
            self.cancelled.append(why.args)
            if self.after_cancellation is not None:
                return self.after_cancellation
            raise

    async def recover(self, request, folder, report):
        return await self.evaluate(request, folder, report, "recover")


def joins(together: Together, trial: int, heard: list | None = None, *ended: int, how: str = "evaluate"):
    tell = (lambda report: None) if heard is None else heard.append
    asked = request(trial, *ended)
    return asyncio.create_task(getattr(together, how)(asked, Path("/work") / asked.key, tell))


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def run(scenario):
    return asyncio.run(scenario())


def test_the_call_is_made_once_as_the_status_quo_when_every_arm_has_joined():
    async def scenario():
        asked = Asked()
        together = Together(asked)
        first = [joins(together, 9), joins(together, 8)]
        await settled()
        assert asked.calls == []
        tasks = [*first, joins(together, 7)]
        await settled()
        [(how, made, folder)] = asked.calls
        assert (how, made.trial, made.key, made.parameters) == ("evaluate", 7, "test/7/1-ab", {"x": 7})
        assert folder == Path("/work/test/7/1-ab")
        assert made.arms == arms()
        results = {7: ArmResult(metrics=LIKES), 8: ArmResult(problem="no likes"), 6: ArmResult(metrics=LIKES)}
        asked.answer.set_result(EvaluationSucceeded(metrics={}, arms=results, cost=10.0, seconds=4.0))
        nine, eight, seven = await asyncio.gather(*tasks)
        assert seven == EvaluationSucceeded(metrics=LIKES, cost=5.0, seconds=4.0)
        assert isinstance(eight, EvaluationFailed)
        assert (eight.cause, eight.message, eight.cost) == ("invalid_result", "no likes", 3.0)
        assert isinstance(nine, EvaluationFailed)
        assert "each arm" in nine.message

    run(scenario)


def test_a_failure_is_that_of_every_arm_with_its_share_of_the_cost():
    async def scenario():
        asked = Asked()
        tasks = [joins(Together(asked), 7)]
        await settled()
        assert asked.calls == []
        together = Together(asked)
        tasks[0].cancel(TRIAL_IS_OVER)
        tasks = [joins(together, trial) for trial in (7, 8, 9)]
        await settled()
        asked.answer.set_result(EvaluationFailed(cause="infrastructure", message="no users", cost=1.0))
        ended = await asyncio.gather(*tasks)
        assert [(end.cause, end.cost) for end in ended] == [("infrastructure", share) for share in (0.5, 0.3, 0.2)]

    run(scenario)


def test_each_arm_hears_its_own_reports_and_every_handle():
    async def scenario():
        asked = Asked()
        together = Together(asked)
        heard = {trial: [] for trial in (7, 8, 9)}
        for trial in heard:
            joins(together, trial, heard[trial])
        await settled()
        asked.report(EvaluationPlaced(handle="exp-3"))
        asked.report(EvaluationReport(step=2, arms={8: LIKES, 7: LIKES}))
        own = EvaluationReport(step=2, metrics=LIKES)
        placed = EvaluationPlaced(handle="exp-3")
        assert heard == {7: [placed, own], 8: [placed, own], 9: [placed]}
        asked.answer.set_result(None)

    run(scenario)


def test_an_arm_that_ends_leaves_the_others_running_and_is_marked_in_later_calls():
    async def scenario():
        asked = Asked()
        together = Together(asked)
        seven, eight, nine = [joins(together, trial) for trial in (7, 8, 9)]
        await settled()
        eight.cancel(TRIAL_IS_OVER)
        with pytest.raises(asyncio.CancelledError):
            await eight
        assert asked.cancelled == []
        later = Asked()
        marking = asyncio.create_task(Marking(later, together.ended).evaluate(request(7), Path(), print))
        await settled()
        assert [arm.trial for arm in later.calls[0][1].arms if arm.ended] == [8]
        marking.cancel()
        asked.answer.set_result(EvaluationSucceeded(metrics={}, arms={7: ArmResult(metrics=LIKES)}))
        assert (await seven).metrics == LIKES
        assert (await nine).cause == "invalid_result"

    run(scenario)


def test_the_call_ends_with_its_last_arm():
    async def scenario():
        asked = Asked()
        tasks = [joins(together, trial) for together in [Together(asked)] for trial in (7, 8, 9)]
        await settled()
        for task in tasks:
            assert asked.cancelled == []
            task.cancel(TRIAL_IS_OVER)
            await settled()
        assert asked.cancelled == [(TRIAL_IS_OVER,)]
        assert all(task.cancelled() for task in tasks)

    run(scenario)


def test_if_the_controller_leaves_each_arm_goes_on_and_the_call_knows_why():
    async def scenario():
        going_on = EvaluationOngoing(handle="exp-3")
        asked = Asked(after_cancellation=going_on)
        together = Together(asked)
        tasks = [joins(together, trial) for trial in (7, 8, 9)]
        await settled()
        for task in tasks:
            task.cancel()
        assert await asyncio.gather(*tasks) == [going_on] * 3
        assert asked.cancelled == [()]
        assert together.ended == set()

    run(scenario)


def test_a_call_that_was_left_and_ended_without_a_handle_is_cancelled_for_every_arm():
    async def scenario():
        asked = Asked()
        together = Together(asked)
        tasks = [joins(together, trial) for trial in (7, 8, 9)]
        await settled()
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(end) for end in ended] == [asyncio.CancelledError] * 3

    run(scenario)


def test_a_recovery_waits_for_the_arms_that_have_not_ended_and_finds_the_folder_of_the_status_quo():
    async def scenario():
        asked = Asked()
        together = Together(asked)
        tasks = [joins(together, trial, None, 7, how="recover") for trial in (8, 9)]
        await settled()
        [(how, made, folder)] = asked.calls
        assert (how, made.trial, folder) == ("recover", 7, Path("/work/test/7/1-ab"))
        asked.answer.set_result(None)
        assert await asyncio.gather(*tasks) == [None, None]

    run(scenario)


def test_a_second_batch_is_another_call():
    async def scenario():
        for _ in range(2):
            asked = Asked()
            together = Together(asked)
            tasks = [joins(together, trial) for trial in (7, 8, 9)]
            await settled()
            asked.answer.set_result(
                EvaluationSucceeded(metrics={}, arms=dict.fromkeys((7, 8, 9), ArmResult(metrics=LIKES)))
            )
            assert len(await asyncio.gather(*tasks)) == 3
            assert together._batches == {}

    run(scenario)
