"""If the campaign asks for approval, a computed proposal waits until a person approves it."""

import pytest
from running import Running, now
from scripted_campaign import ScriptedEvaluator, a_campaign
from standing import status_lines

from overnight.campaign import History, Trial
from overnight.campaign.errors import Refused
from overnight.campaign.history.events import CampaignDefined, TrialProposed, TrialRejected
from overnight.campaign.history.provenance import Asked, Chosen, MadeBy, Provenance
from overnight.flows.people.approval import approve, awaiting_approval, reject
from overnight.flows.people.revising import revise
from overnight.flows.rules.allowance import Allowance

BASELINE = {"x": 0.5, "n": 3}


async def test_only_what_a_person_approves_is_started_and_the_rest_waits_without_a_worker():
    evaluator = ScriptedEvaluator()
    running = Running(a_campaign(approve="always", baseline=BASELINE, workers=2, budget={"trials": 3}), evaluator)
    history = await running.until(lambda history: history.awaiting == 2 and history.trials[1].outcome is not None)
    assert evaluator.evaluated == [(1, 1)]
    assert [t.id for t in awaiting_approval(history)] == [2, 3]
    assert (history.model_view().pending, history.budgeted) == ((), 1)
    assert "2 awaiting approval" in status_lines(history)[1]
    await running.append(lambda history: approve(history, "ada@home", "fine", now(), 3))
    await running.append(lambda history: reject(history, "ada@home", "too hot", now(), 2))
    history = await running.until(lambda history: history.awaiting == 1 and 4 in history.trials)
    assert history.trials[2].status == "rejected"
    assert history.trials[4].point != history.trials[2].point
    await running.append(lambda history: approve(history, "ada@home", "", now(), 4))
    history = await running.controller
    assert evaluator.evaluated == [(1, 1), (3, 1), (4, 1)]
    assert (history.started, history.closed_by.kind) == (3, "campaign_finished")


async def test_a_controller_that_waits_for_approval_can_be_stopped_and_the_next_one_waits_too():
    campaign, evaluator = a_campaign(approve="always", workers=2), ScriptedEvaluator()
    first = Running(campaign, evaluator)
    await first.until(lambda history: history.awaiting == 2)
    first.stop.ask()
    assert (await first.controller).closed_by.kind == "campaign_drained"
    second = Running(campaign, evaluator, first.ledger)
    await second.until(lambda history: history.lease is not None and history.lease.epoch == 2)
    await second.append(lambda history: approve(history, "ada@home", "", now(), 1))
    history = await second.until(lambda history: history.trials[1].outcome is not None)
    assert evaluator.evaluated == [(1, 1)]
    assert history.trials[2].status == "awaiting approval"
    second.stop.ask()
    await second.controller


async def test_a_decision_about_a_trial_that_does_not_wait_is_refused_with_those_that_do():
    running = Running(a_campaign(approve="always", baseline=BASELINE, workers=2), ScriptedEvaluator())
    history = await running.until(lambda history: history.awaiting == 2 and history.trials[1].outcome is not None)
    for number, found in ((1, "its status is `observed`"), (9, "it does not exist")):
        with pytest.raises(Refused, match=f"does not await approval: {found}.*Awaiting approval: 2, 3"):
            approve(history, "ada@home", "", now(), number)
    running.stop.ask()
    await running.controller


FAR = {"when": {"change": {"x": 0.25}}}


def is_far(trial: Trial) -> bool:
    return abs(trial.point["x"] - BASELINE["x"]) > 0.25


async def test_what_goes_too_far_waits_while_everything_else_is_tried():
    evaluator = ScriptedEvaluator()
    running = Running(a_campaign(approve=FAR, baseline=BASELINE, workers=2, budget={"trials": 12}), evaluator)
    history = await running.until(
        lambda history: len(history.trials) == 12 and all(t.outcome or t.parked for t in history.trials.values())
    )
    waiting = awaiting_approval(history)
    assert 0 < len(waiting) < 11
    assert waiting == [trial for trial in history.trials.values() if is_far(trial)]
    assert all("of its range away from 0.5 in the baseline" in trial.parked_because for trial in waiting)
    assert f"trial {waiting[0].id} awaits approval: {waiting[0].parked_because}" in status_lines(history)
    first, *others = (trial.id for trial in waiting)
    await running.append(lambda history: approve(history, "ada@home", "fine", now(), first))
    for number in others:
        await running.append(lambda history, number=number: reject(history, "ada@home", "", now(), number))
    history = await running.until(lambda history: history.trials[first].outcome is not None)
    assert history.trials[first].status == "observed"
    assert history.trials[first].parked_because == waiting[0].parked_because
    running.stop.ask()
    await running.controller
    assert {trial for trial, _ in evaluator.evaluated}.isdisjoint(others)


@pytest.mark.parametrize("workers", [1, 4])
async def test_no_more_wait_at_a_time_than_the_policy_says_and_what_is_decided_makes_room(workers):
    policy = {"when": {"change": {"x": 0}}, "most_waiting": 3}
    evaluator = ScriptedEvaluator()
    running = Running(a_campaign(approve=policy, baseline=BASELINE, workers=workers, budget={"trials": 30}), evaluator)
    most = 0
    for _ in range(3):
        history = await running.until(lambda history: history.awaiting == 3)
        most = max(most, history.awaiting)
        number = awaiting_approval(history)[0].id
        await running.append(lambda history, number=number: reject(history, "ada@home", "", now(), number))
        await running.until(lambda history, number=number: history.trials[number].outcome is not None)
    history = await running.until(lambda history: history.awaiting == 3)
    assert sorted(history.trials) == [1, 2, 3, 4, 5, 6, 7]
    assert {trial for trial, _ in evaluator.evaluated} == {1}
    running.stop.ask()
    await running.controller


async def test_trials_that_wait_keep_no_worker_from_working_once_the_policy_is_never():
    campaign = a_campaign(approve="always", baseline=BASELINE, workers=2, budget={"trials": 8})
    running = Running(campaign, ScriptedEvaluator())
    await running.until(lambda history: history.awaiting == 2)
    revised = a_campaign(approve="never", baseline=BASELINE, workers=2, budget={"trials": 8})
    await running.append(lambda history: revise(history, "ada@home", "", now(), revised, {}))
    history = await running.until(lambda history: len(history.model_view().observed) == 6)
    assert history.awaiting == 2
    running.stop.ask()
    await running.controller


async def test_a_trial_of_a_campaign_that_is_over_is_approved_once_there_is_budget_and_not_before():
    campaign = a_campaign(approve="always", baseline=BASELINE, workers=1, budget={"trials": 3})
    first = Running(campaign, ScriptedEvaluator())
    await first.until(lambda history: history.awaiting == 1 and history.trials[1].outcome is not None)
    fewer = a_campaign(approve="always", baseline=BASELINE, workers=1, budget={"trials": 3, "evaluations": 1})
    await first.append(lambda history: revise(history, "ada@home", "", now(), fewer, {}))
    over = await first.controller
    assert over.finished is not None
    with pytest.raises(
        Refused, match=r"campaign `test` has finished: all 1 evaluations.*overnight revise.*then approve"
    ):
        approve(over, "ada@home", "", now(), 2)
    await first.append(lambda history: revise(history, "ada@home", "", now(), campaign, {}))
    await first.append(lambda history: approve(history, "ada@home", "", now(), 2))
    second = Running(campaign, ScriptedEvaluator(), first.ledger)
    history = await second.until(lambda history: len(history.trials) > 1 and history.trials[2].outcome is not None)
    assert history.trials[2].status == "observed"
    second.stop.ask()
    await second.controller


def an_allowance(history: History) -> Allowance:
    at_rest = {"in_flight": frozenset[int](), "running": 0, "willing": True, "in_window": True, "exhausted": False}
    return Allowance(history=history, now=now(), **at_rest)


def test_too_little_to_gain_ends_no_campaign_while_people_have_something_to_decide():
    campaign = a_campaign(stop_when={"expected_gain_below": 1, "in_a_row": 1}, approve="always")
    defined = CampaignDefined(time=now(), actor="user", uid="u", definition=campaign)
    point = {"x": 0.5, "n": 3}
    made = Provenance(made_by=MadeBy(seed=1), chosen=Chosen(expected_gain=0.01), asked=Asked(events_seen=1))
    parked = TrialProposed(time=now(), actor="c", trial=1, point=point, generator="model", provenance=made, parked=True)
    history = History.from_events([defined, parked])
    assert an_allowance(history).why_over is None
    assert an_allowance(history).held_back
    assert an_allowance(history).unproposed == 0
    history = history.extended([TrialRejected(time=now(), actor="ada@home", trial=1, why="")])
    assert an_allowance(history).why_over.because == "gain"
