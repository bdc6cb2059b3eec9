"""After an infrastructure failure a trial waits before its next attempt, in virtual time, and delays no others."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from scripted_campaign import ScriptedEvaluator, a_campaign, failed

from benchmarks.virtual_time import VirtualClock, run_in_virtual_time
from overnight.bo_core import SobolProposer
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History, Proposal, Trial
from overnight.campaign.history.events import AttemptFailed, AttemptStarted, TrialProposed
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.host.stop import StopRequest
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.rules.back_off import pause, seconds_left
from overnight.storage import MemoryLedger


class StepsInOneThread(PlainSteps):
    """Proposes without a thread, since virtual time flies while a thread computes."""

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        return propose(request.campaign, request.history, request.asked, request.q)


async def run(
    campaign: Campaign,
    evaluator: ScriptedEvaluator,
    ledger: MemoryLedger | None = None,
    watch: Callable[[History], None] = lambda history: None,
    stop: StopRequest | None = None,
) -> History:
    job = Job(campaign, evaluator, SobolProposer(), ledger or MemoryLedger(), Path("unused"))
    return await run_loop(job, StepsInOneThread(), VirtualClock(), stop or StopRequest(), watch)


def waits(trial: Trial) -> list[float]:
    """Return the seconds between each failure and the next start."""
    pairs = zip(trial.attempts, trial.attempts[1:], strict=False)
    return [(after.started - before.failed.ended).total_seconds() for before, after in pairs if before.failed]


def fails_until(last: int) -> Callable[[int, int], object]:
    return lambda trial, attempt: failed("infrastructure") if attempt < last else 1.0


def one_trial(**failures: object) -> Campaign:
    return a_campaign(budget={"trials": 1}, workers=1, failures={"max_in_a_row": 99, **failures})


def test_the_pauses_double_up_to_the_longest_and_are_at_least_half_of_what_they_may_be():
    campaign = one_trial(max_attempts=7, back_off="30s", longest_back_off="4m")
    history = run_in_virtual_time(run(campaign, ScriptedEvaluator(fails_until(7))))
    assert history.trials[1].outcome.kind == "observed"
    for waited, whole in zip(waits(history.trials[1]), [30, 60, 120, 240, 240, 240], strict=True):
        assert whole / 2 <= waited <= whole + 0.001


def test_without_being_told_otherwise_a_trial_waits_for_half_a_minute_at_most_and_never_over_ten():
    failures = Campaign.model_fields["failures"].default
    assert (failures.back_off, failures.longest_back_off) == (timedelta(seconds=30), timedelta(minutes=10))


def test_pauses_are_the_same_again_and_differ_between_trials_attempts_and_seeds():
    def waited(seed: int) -> list[list[float]]:
        campaign = a_campaign(budget={"trials": 3}, seed=seed, failures={"back_off": 30, "max_in_a_row": 99})
        history = run_in_virtual_time(run(campaign, ScriptedEvaluator(fails_until(3))))
        return [waits(trial) for trial in history.trials.values()]

    first = waited(1)
    assert first == waited(1)
    assert (
        len(
            {
                round(shares, 6)
                for times in (first, waited(2))
                for first_, second in times
                for shares in (first_, second / 2)
            }
        )
        == 12
    )


def test_no_back_off_starts_again_at_once():
    campaign = one_trial(back_off=0)
    assert waits(run_in_virtual_time(run(campaign, ScriptedEvaluator(fails_until(3)))).trials[1]) == [0, 0]


def test_other_trials_go_on_in_the_slot_of_one_that_waits():
    async def outcome(trial: int, attempt: int) -> object:
        await asyncio.sleep(1)
        return failed("infrastructure") if (trial, attempt) == (1, 1) else 1.0

    evaluator = ScriptedEvaluator(outcome)
    campaign = a_campaign(budget={"trials": 40}, workers=1, failures={"back_off": "30s"})
    history = run_in_virtual_time(run(campaign, evaluator))
    again = evaluator.evaluated.index((1, 2))
    assert 15 <= again <= 31
    assert len(history.model_view().observed) == 40
    assert evaluator.most_at_once == 1
    # A trial that has waited long enough is the next to get a slot.
    assert (
        waits(history.trials[1])[0]
        < pause(campaign, history.trials[1].model_copy(update={"attempts": history.trials[1].attempts[:1]})) + 1.01
    )


def test_the_wait_goes_on_where_it_was_when_another_controller_takes_over():
    campaign, ledger = one_trial(back_off="10m", longest_back_off="10m"), MemoryLedger()

    async def twice() -> History:
        stop = StopRequest()

        def when_failed(history: History) -> None:
            if any(a.failed for t in history.trials.values() for a in t.attempts):
                stop.ask()

        drained = await run(campaign, ScriptedEvaluator(fails_until(2)), ledger, when_failed, stop)
        assert drained.closed_by.kind == "campaign_drained"
        await asyncio.sleep(100)
        return await run(campaign, ScriptedEvaluator(fails_until(2)), ledger)

    history = run_in_virtual_time(twice())
    only_failed = history.trials[1].model_copy(update={"attempts": history.trials[1].attempts[:1]})
    assert waits(history.trials[1]) == [pytest.approx(pause(campaign, only_failed), abs=0.001)]
    assert history.closed_by.kind == "campaign_finished"


def test_a_campaign_that_is_asked_to_stop_does_not_wait_for_the_pause():
    async def stopped() -> tuple[History, float]:
        stop = StopRequest()
        campaign = one_trial(back_off="9m")
        running = asyncio.create_task(run(campaign, ScriptedEvaluator(fails_until(9)), stop=stop))
        await asyncio.sleep(5)
        stop.ask()
        return await running, asyncio.get_running_loop().time()

    history, ended = run_in_virtual_time(stopped())
    assert ended == 5
    assert history.trials[1].status == "waiting"


def test_the_wall_clock_budget_ends_a_wait():
    campaign = one_trial(back_off="9m").model_copy(
        update={"budget": a_campaign(budget={"trials": 1, "wall_clock": "1m"}).budget}
    )
    history = run_in_virtual_time(run(campaign, ScriptedEvaluator(fails_until(9))))
    assert history.closed_by.reason == "the wall-clock budget is spent"
    assert history.closed_by.because == "wall_clock"
    assert history.active_seconds == pytest.approx(60)


def a_failed_trial(cause: str) -> tuple[Trial, VirtualClock]:
    clock = VirtualClock()
    about = {"time": clock.now(), "actor": "controller", "trial": 1}
    events = [
        TrialProposed(**about, point={"x": 0.5, "n": 7}, generator="sobol"),
        AttemptStarted(**about, attempt=1, key="k"),
        AttemptFailed(**about, attempt=1, cause=cause, message="no", will_retry=True),
    ]
    return History.from_events(events).trials[1], clock


@pytest.mark.parametrize(("cause", "after"), [("cancelled", 0.0), ("infrastructure", -1.0)])
def test_neither_a_cancelled_attempt_nor_a_clock_that_was_set_back_makes_a_trial_wait(cause: str, after: float):
    async def left() -> float:
        trial, clock = a_failed_trial(cause)
        return seconds_left(one_trial(back_off="9m"), trial, clock.now() + timedelta(seconds=after))

    assert run_in_virtual_time(left()) == 0
