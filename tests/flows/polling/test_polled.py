"""Evaluations that go on after their processes have ended: started once, looked at, left and ended."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from laboratory import DAY, HOUR, Laboratory, a_job, run
from read_ledgers import events_of
from scripted_campaign import ScriptedEvaluator, a_campaign, failed
from scripted_campaign import run as scripted_run
from virtual_nights import FRIDAY_NOON, NightClock, SeenSteps, a_night

from benchmarks.virtual_time import VirtualClock, run_in_virtual_time
from overnight.bo_core import SobolProposer
from overnight.campaign import EvaluationFailed, EvaluationRequest, EvaluationSucceeded, History, Measurement
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.evaluation import Arm, ArmResult, EvaluationOngoing, EvaluationPlaced, EvaluationReport
from overnight.campaign.history.events import AttemptPlaced, AttemptStarted, CampaignPaused, Event, TrialAbandoned
from overnight.evaluators.ongoing.polling import Polling
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.shift import why_not_yet
from overnight.flows.host.stop import Stop, StopRequest
from overnight.flows.polling.polled import Polled
from overnight.flows.session.journal import Journal
from overnight.report.trial_lines import without_result
from overnight.storage import MemoryLedger

MINUTE = timedelta(minutes=1)
ONE = {"budget": {"trials": 1}, "workers": 1}


async def appended(ledger: MemoryLedger, event: Event) -> None:
    elsewhere = Journal(ledger)
    await elsewhere.refresh()
    await elsewhere.insist(lambda history: [event])


def test_an_experiment_is_started_once_and_looked_at_until_it_has_ended():
    laboratory, ledger = Laboratory(), MemoryLedger()
    history = run(a_job(a_campaign(**ONE), laboratory, ledger))
    assert list(laboratory.started) == ["exp-1"]
    assert [(handle, look) for handle, look, _ in laboratory.looks] == [("exp-1", look) for look in (1, 2, 3)]
    trial = history.trials[1]
    assert trial.status == "observed"
    assert trial.attempts[-1].handle == "exp-1"
    assert [(r.step, r.metrics["loss"].n) for r in history.reports[1]] == [(1, 2), (2, 3)]
    assert trial.seconds == pytest.approx(3 * DAY.total_seconds(), abs=60)
    assert trial.outcome.cost == 2.0
    assert history.closed_by.kind == "campaign_finished"
    assert len(set(laboratory.keys)) == len(laboratory.keys) == 4
    placed = [event for event in asyncio.run(events_of(ledger)) if isinstance(event, AttemptPlaced)]
    assert [event.handle for event in placed] == ["exp-1"]


def test_the_evaluator_may_ask_for_another_pause_between_the_looks():
    laboratory = Laboratory(lasts=5 * HOUR)
    laboratory.again_in = 2 * 3600
    run(a_job(a_campaign(**ONE), laboratory, MemoryLedger()))
    began = laboratory.started["exp-1"]
    assert [round((at - began) / HOUR, 2) for _, _, at in laboratory.looks] == [2.0, 4.0, 6.0]


def lost_network(call: int) -> EvaluationFailed | None:
    if call == 2:
        raise OSError("the network is gone")
    return failed("infrastructure" if call == 1 else "timeout") if call < 4 else None


def test_a_look_that_fails_is_repeated_after_growing_pauses_and_does_not_end_the_trial():
    laboratory, said = Laboratory(lasts=HOUR), list[str]()
    laboratory.trouble = lost_network
    history = run(a_job(a_campaign(**ONE), laboratory, MemoryLedger(), notify=said.append))
    assert history.trials[1].status == "observed"
    assert list(laboratory.started) == ["exp-1"]
    assert [look for _, look, _ in laboratory.looks] == [1, 1, 1, 1]
    times = [at for _, _, at in laboratory.looks]
    assert [later - earlier for earlier, later in pairwise(times)] == [
        timedelta(seconds=pause + laboratory.seconds) for pause in (10, 20, 40)
    ]
    assert said == ["Trial 1: a look at its evaluation failed and will be repeated: a case of infrastructure"]


@pytest.mark.parametrize(("cause", "ended"), [("configuration", 1), ("invalid_result", 1), ("infeasible", 0)])
def test_a_look_that_fails_by_itself_ends_the_trial_and_an_experiment_that_would_be_left_to_itself(cause, ended):
    laboratory = Laboratory()
    laboratory.trouble = lambda call: failed(cause) if call == 2 else None
    history = run(a_job(a_campaign(**ONE), laboratory, MemoryLedger()))
    assert history.trials[1].outcome.cause == cause
    assert laboratory.cancelled == ["exp-1"] * ended
    assert len(laboratory.started) == 1


def test_an_experiment_that_lasts_too_long_is_looked_at_once_more_and_cancelled():
    laboratory = Laboratory(lasts=100 * DAY)
    polling = Polling(every=7 * DAY, at_most=10 * DAY)
    history = run(a_job(a_campaign(**ONE), laboratory, MemoryLedger(), polling=polling))
    end = history.trials[1].outcome
    assert (end.kind, end.cause) == ("failed", "timeout")
    assert "had not ended after 10d (`polled.at_most`)" in end.message
    assert [round((at - laboratory.started["exp-1"]) / DAY, 3) for _, _, at in laboratory.looks] == [7, 10]
    assert laboratory.cancelled == ["exp-1"]
    assert history.trials[1].attempts[-1].failed.metrics["loss"].n == 3


def test_a_batch_that_lasts_too_long_keeps_the_results_of_its_arms():
    class Batches(Laboratory):
        async def evaluate(self, request, folder, report):
            answer = await super().evaluate(request, folder, report)
            arms = {1: ArmResult(metrics={"loss": Measurement(mean=2.0, sem=0.1, n=70)})}
            return answer.model_copy(update={"metrics": {}, "arms": arms}) if request.cancel else answer

    laboratory, point = Batches(lasts=100 * DAY), {"x": 0.5}
    polled = Polled(laboratory, Polling(every=7 * DAY, at_most=10 * DAY), laboratory.clock)
    arms = (Arm(trial=1, key="c/1", parameters=point, traffic=100, status_quo=True),)
    asked = {"parameters": point, "seed": 0, "expected_metrics": ("loss",), "objective": "loss", "arms": arms}
    request = EvaluationRequest(campaign="c", trial=1, attempt=1, key="c/1", **asked)

    answer = run_in_virtual_time(polled.evaluate(request, Path(), lambda heard: None))

    assert isinstance(answer, EvaluationSucceeded)
    assert answer.arms[1].metrics["loss"].n == 70
    assert (laboratory.cancelled, answer.cost) == (["exp-1"], 2.0)


def test_an_experiment_that_cannot_be_cancelled_is_named_for_a_person():
    class Stubborn(Laboratory):
        async def evaluate(self, request, folder, report):
            return failed("infrastructure") if request.cancel else await super().evaluate(request, folder, report)

    laboratory, said = Stubborn(lasts=100 * DAY), list[str]()
    polling = Polling(every=DAY, at_most=2 * DAY)
    run(a_job(a_campaign(**ONE), laboratory, MemoryLedger(), polling=polling, notify=said.append))
    assert said == [
        "Trial 1: its evaluation exp-1 may still be running, because it could not be cancelled: a case of "
        "infrastructure. End it by hand."
    ]


def test_an_abandoned_trial_ends_its_experiment_and_another_one_begins():
    laboratory, ledger = Laboratory(), MemoryLedger()
    job = a_job(a_campaign(budget={"trials": 2}, workers=1), laboratory, ledger)

    async def abandoned():
        controller = asyncio.create_task(run_loop(job, SeenSteps(), VirtualClock(), StopRequest()))
        await asyncio.sleep((1.5 * DAY).total_seconds())
        about = {"time": VirtualClock().now(), "actor": "ada", "trial": 1, "why": "a wrong price"}
        await appended(ledger, TrialAbandoned(**about))
        return await controller

    history = run_in_virtual_time(abandoned())
    assert laboratory.cancelled == ["exp-1"]
    assert list(laboratory.started) == ["exp-1", "exp-2"]
    assert [trial.status for trial in history.trials.values()] == ["abandoned", "observed"]
    closed = history.trials[1].attempts[-1].failed
    assert closed.cause == "cancelled"
    assert "it measured loss" in closed.message


def test_a_rule_that_stops_a_trial_ends_its_experiment():
    laboratory = Laboratory(lasts=5 * DAY)
    rule = {"rule": "median", "after_trials": 3}
    points = [{"x": x, "n": 1} for x in (0.1, 0.2, 0.3, 0.9)]
    campaign = a_campaign(stop_early=rule, start_with=points, budget={"trials": 4}, workers=1)
    history = run(a_job(campaign, laboratory, MemoryLedger()))
    assert [trial.status for trial in history.trials.values()] == ["observed"] * 3 + ["stopped"]
    assert laboratory.cancelled == ["exp-4"]
    assert history.closed_by.kind == "campaign_finished"


@pytest.mark.parametrize("level", [Stop.DRAIN, Stop.NOW])
def test_a_controller_that_is_asked_to_stop_leaves_its_experiments_and_the_next_one_finds_them(level):
    laboratory, ledger = Laboratory(), MemoryLedger()
    campaign = a_campaign(budget={"trials": 2}, workers=2)
    first = run(a_job(campaign, laboratory, ledger), level, after=1.5 * DAY)
    assert first.closed_by.kind == "campaign_drained"
    assert first.closed_by.reason == (
        "asked to stop; 2 evaluations go on elsewhere and are looked at again when the campaign runs next"
    )
    assert [trial.status for trial in first.trials.values()] == ["running", "running"]
    assert [trial.attempts[-1].failed for trial in first.trials.values()] == [None, None]
    assert laboratory.cancelled == []
    found = [(line["status"], line["why"]) for line in without_result(first)]
    assert found == [("running", f"its evaluation goes on by itself (handle exp-{i})") for i in (1, 2)]

    # Another host has another work folder, in which nothing of the attempts is found.
    second = run(a_job(campaign, laboratory, ledger, work="elsewhere"))
    assert list(laboratory.started) == ["exp-1", "exp-2"]
    assert [trial.status for trial in second.trials.values()] == ["observed", "observed"]
    assert second.closed_by.kind == "campaign_finished"
    assert [r.step for r in second.reports[1]] == sorted({r.step for r in second.reports[1]})
    starts = [event for event in asyncio.run(events_of(ledger)) if isinstance(event, AttemptStarted)]
    assert len(starts) == 2


def test_a_stop_waits_for_the_call_that_starts_an_experiment_so_that_its_handle_is_known():
    laboratory, ledger = Laboratory(seconds=600), MemoryLedger()
    history = run(a_job(a_campaign(**ONE), laboratory, ledger), Stop.NOW, after=MINUTE)
    assert history.trials[1].status == "running"
    assert history.trials[1].attempts[-1].handle == "exp-1"
    assert laboratory.cancelled == []
    assert run(a_job(a_campaign(**ONE), laboratory, ledger)).trials[1].status == "observed"
    assert list(laboratory.started) == ["exp-1"]


@pytest.mark.parametrize("abandoned", [False, True])
def test_a_file_that_no_longer_polls_is_refused_while_an_experiment_goes_on(abandoned):
    laboratory, ledger, campaign = Laboratory(), MemoryLedger(), a_campaign(**ONE)
    run(a_job(campaign, laboratory, ledger), Stop.DRAIN, after=DAY / 2)
    if abandoned:
        about = {"time": FRIDAY_NOON, "actor": "ada", "trial": 1, "why": "a wrong price"}
        asyncio.run(appended(ledger, TrialAbandoned(**about)))
    plain = Job(campaign, laboratory, SobolProposer(), ledger, Path("unused"))
    with pytest.raises(
        InvalidDefinition, match=r"`evaluator.polled`: expected to be set, .* \(exp-1\), found it unset"
    ):
        run(plain)
    assert run(a_job(campaign, laboratory, ledger)).trials[1].status == ("abandoned" if abandoned else "observed")
    assert laboratory.cancelled == ["exp-1"] * abandoned
    assert list(laboratory.started) == ["exp-1"]


def test_a_paused_campaign_is_still_looked_at():
    laboratory, ledger = Laboratory(), MemoryLedger()
    job = a_job(a_campaign(budget={"trials": 2}, workers=1), laboratory, ledger)

    async def paused():
        controller = asyncio.create_task(run_loop(job, SeenSteps(), VirtualClock(), StopRequest()))
        await asyncio.sleep((1.5 * DAY).total_seconds())
        await appended(ledger, CampaignPaused(time=VirtualClock().now(), actor="ada", request=1))
        await asyncio.sleep((4 * DAY).total_seconds())
        controller.cancel()
        await asyncio.wait({controller})
        return controller, await events_of(ledger)

    _, events = run_in_virtual_time(paused())
    history = History.from_events(events)
    assert [trial.status for trial in history.trials.values()] == ["observed"]
    assert laboratory.cancelled == []


def test_a_cancelled_controller_ends_no_experiment():
    laboratory, ledger = Laboratory(), MemoryLedger()

    async def cancelled():
        job = a_job(a_campaign(**ONE), laboratory, ledger)
        controller = asyncio.create_task(run_loop(job, SeenSteps(), VirtualClock(), StopRequest()))
        await asyncio.sleep((1.5 * DAY).total_seconds())
        controller.cancel()
        await asyncio.wait({controller})

    run_in_virtual_time(cancelled())
    history = History.from_events(asyncio.run(events_of(ledger)))
    assert history.trials[1].status == "running"
    assert laboratory.cancelled == []


@pytest.mark.parametrize("running", ["stop", "finish"])
def test_an_experiment_outlasts_the_window_and_is_finished_in_a_later_one(running):
    campaign, ledger = a_night(running, budget={"trials": 1}, workers=1), MemoryLedger()
    clock, mornings = NightClock(), []
    laboratory = Laboratory(lasts=30 * HOUR, clock=clock)

    async def nights():
        job = a_job(campaign, laboratory, ledger, polling=Polling(every=HOUR))
        for _ in range(3):
            await clock.until(campaign.window.next_opening(clock.now()))
            mornings.append(await run_loop(job, SeenSteps(), clock, StopRequest()))
            if mornings[-1].closed_by.kind == "campaign_finished":
                return
            assert why_not_yet(campaign, mornings[-1], clock.now()) is not None

    run_in_virtual_time(nights())
    first, second = mornings
    assert list(laboratory.started) == ["exp-1"]
    assert first.closed_by.because == "window_closed"
    assert first.closed_by.reason.endswith(
        "1 evaluation goes on elsewhere and is looked at again when the campaign runs next, at the earliest "
        "Sat 2026-03-28 22:00 CET"
    )
    assert first.closed_by.time - FRIDAY_NOON <= timedelta(hours=17, seconds=1)
    assert second.trials[1].status == "observed"
    assert laboratory.cancelled == []


def test_a_start_need_not_leave_time_for_the_evaluation_before_the_window_closes():
    campaign, clock = a_night(budget={"trials": 1}, workers=1), NightClock()
    laboratory = Laboratory(lasts=30 * HOUR, clock=clock)

    async def late():
        await clock.until(FRIDAY_NOON + 16 * HOUR)
        return await run_loop(a_job(campaign, laboratory, MemoryLedger()), SeenSteps(), clock, StopRequest())

    assert run_in_virtual_time(late()).trials[1].status == "running"


def test_an_evaluation_that_goes_on_without_the_key_polled_is_an_invalid_result_that_names_it():
    async def history():
        ongoing = EvaluationOngoing(handle="exp-9")
        return await scripted_run(a_campaign(**ONE), ScriptedEvaluator(lambda trial, attempt: ongoing))

    end = asyncio.run(history()).trials[1].outcome
    assert (end.kind, end.cause) == ("failed", "invalid_result")
    assert "`polled: {every: 1h}`" in end.message
    assert "exp-9" in end.message


class OfArms(Laboratory):
    async def evaluate(self, request, folder, report):
        answer = await super().evaluate(request, folder, report)
        results = {arm.trial: ArmResult(metrics={"loss": Measurement(mean=arm.trial)}) for arm in request.arms[:1]}
        results |= {arm.trial: ArmResult(problem="no users") for arm in request.arms[1:]}
        return answer.model_copy(update={"metrics": {}, "arms": results})


def test_the_metrics_of_arms_are_reported_by_trial():
    heard = []

    async def evaluated():
        arms = tuple(Arm(trial=n, key=f"k/{n}", parameters={"x": n}, traffic=5) for n in (4, 5))
        request = EvaluationRequest(
            campaign="t",
            trial=4,
            attempt=1,
            key="k/4",
            parameters={"x": 0},
            seed=1,
            arms=arms,
            expected_metrics=("loss",),
            objective="loss",
        )
        polled = Polled(OfArms(lasts=2 * DAY), Polling(every=DAY), VirtualClock())
        return await polled.evaluate(request, Path("unused"), heard.append)

    answer = run_in_virtual_time(evaluated())
    assert isinstance(answer, EvaluationSucceeded)
    assert answer.arms[5].problem == "no users"
    one = {4: {"loss": Measurement(mean=4)}}
    first, *rest = heard
    assert first == EvaluationPlaced(handle="exp-1")
    assert rest == [EvaluationReport(step=step, arms=one) for step in (0, 1)]


def test_an_evaluation_whose_first_answer_is_invalid_is_ended_by_the_handle_in_it():
    laboratory, ledger = Laboratory(), MemoryLedger()
    begin = laboratory.evaluate

    async def with_a_bad_pause(request, folder, report):
        found = await begin(request, folder, report)
        if request.handle is None:
            return EvaluationFailed(cause="invalid_result", message="`again_in`: soon", handle=found.handle)
        return found

    laboratory.evaluate = with_a_bad_pause
    history = run(a_job(a_campaign(**ONE), laboratory, ledger))
    assert history.trials[1].status == "failed"
    assert laboratory.cancelled == list(laboratory.started) == ["exp-1"]
