"""Parameters that a revision adds, or that become constants or cease to be."""

from pathlib import Path
from typing import Any

import pytest
from read_ledgers import events_of
from running import Gate, Running, now
from scripted_campaign import ScriptedEvaluator, a_campaign

from overnight.bo_core import BayesianProposer
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History
from overnight.campaign.definition import lies_in
from overnight.campaign.errors import Refused
from overnight.campaign.evaluation import Measurement
from overnight.campaign.history.events import CampaignDefined, Event, TrialObserved, TrialProposed
from overnight.flows.people.revising import revise
from overnight.flows.people.under_way import unended
from overnight.flows.replay.again import replay

XN: dict[str, Any] = {"x": {"kind": "float", "low": 0, "high": 1}, "n": {"kind": "int", "low": 1, "high": 50}}
CACHE: dict[str, Any] = {"kind": "int", "low": 0, "high": 64, "was": 0}
PROPOSER = BayesianProposer(initial=4, draws=64, restarts=2, raw_points=64)


def with_cache(**changes: Any) -> Campaign:
    """Return the campaign with one more parameter."""
    return a_campaign(parameters={**XN, "cache": {**CACHE, **changes}}, workers=1)


def begun(campaign: Campaign, trials: int) -> list[Event]:
    """Return the events of a campaign whose proposals were computed one after the other."""
    settings = {"proposer": PROPOSER.model_dump(mode="json")}
    events: list[Event] = [CampaignDefined(time=now(), actor="t", uid="u", definition=campaign, settings=settings)]
    return tried(events, trials)


def tried(events: list[Event], trials: int) -> list[Event]:
    """Return the events with some more trials."""
    events = [*events]
    for _ in range(trials):
        history = History.from_events(events)
        [proposal] = propose(history.definition, history, PROPOSER, 1)
        made = proposal.provenance
        if made is not None:
            asked = made.asked.model_copy(update={"events_seen": len(events)})
            made = made.model_copy(update={"asked": asked})
        number = history.next_trial
        loss = (proposal.point["x"] - 0.3) ** 2 + 0.01 * proposal.point.get("cache", 0)
        events += [
            TrialProposed(
                time=now(),
                actor="t",
                trial=number,
                point=proposal.point,
                generator=proposal.generator,
                batch=number,
                provenance=made,
            ),
            TrialObserved(time=now(), actor="t", trial=number, attempt=1, metrics={"loss": Measurement(mean=loss)}),
        ]
    return events


def revised(events: list[Event], campaign: Campaign) -> list[Event]:
    """Return the events with a revision."""
    history = History.from_events(events)
    settings = {**(history.revised or history.defined).settings}
    return [*events, *revise(history, "ada@home", "a cache came", now(), campaign, settings)]


def test_trials_from_before_have_the_value_that_the_parameter_had_and_lie_inside_if_it_is_in_range():
    events = revised(begun(a_campaign(workers=1), 6), with_cache())
    history = History.from_events(events)
    assert all(trial.point["cache"] == 0 for trial in history.trials.values())
    assert all([*trial.point] == ["x", "n", "cache"] for trial in history.trials.values())
    assert all("cache" not in trial.proposal.point for trial in history.trials.values())
    assert all(lies_in(history.definition, trial.point) for trial in history.trials.values())
    [proposal] = propose(history.definition, history, PROPOSER, 1)
    assert proposal.generator == "model"
    assert proposal.provenance.knew.observed == 6
    assert "cache" in proposal.point


def test_a_past_value_out_of_range_puts_the_trials_outside_and_the_model_still_learns_from_them():
    history = History.from_events(revised(begun(a_campaign(workers=1), 6), with_cache(low=16)))
    assert not any(lies_in(history.definition, trial.point) for trial in history.trials.values())
    events = tried(revised(begun(a_campaign(workers=1), 6), with_cache(low=16)), 3)
    last = History.from_events(events).trials[9].proposal
    assert last.generator == "model"
    assert last.provenance.knew.observed == 8


def test_every_proposal_before_and_after_is_made_again_bit_for_bit():
    events = tried(revised(begun(a_campaign(workers=1), 6), with_cache()), 2)
    assert {each.verdict for each in replay(events, Path())} == {"same"}
    assert len([*replay(events, Path())]) == 8


def test_the_order_in_which_events_are_folded_makes_no_difference():
    events = tried(revised(begun(a_campaign(workers=1), 4), with_cache()), 2)
    whole = History.from_events(events)
    for cut in range(1, len(events)):
        assert History.from_events(events[:cut]).extended(events[cut:]) == whole


def test_a_point_that_was_tried_with_the_past_value_is_not_proposed_again():
    parameters = {"x": {"kind": "float", "low": 0, "high": 1, "step": 0.5}}
    first = a_campaign(parameters=parameters, workers=1)
    second = a_campaign(parameters={**parameters, "turbo": {"kind": "bool", "was": False}}, workers=1)
    events = tried(revised(begun(first, 3), second), 3)
    points = [trial.point for trial in History.from_events(events).trials.values()]
    assert sorted((p["x"], p["turbo"]) for p in points) == [(x, t) for x in (0, 0.5, 1) for t in (False, True)]


def test_the_past_value_is_needed_only_if_there_are_trials():
    unknown = a_campaign(parameters={**XN, "cache": {"kind": "int", "low": 0, "high": 64}}, workers=1)
    assert History.from_events(revised(begun(a_campaign(workers=1), 0), unknown)).definition == unknown
    with pytest.raises(Refused, match=r"parameters\.cache\.was: expected the value that `cache` had in the 2 trials"):
        revised(begun(a_campaign(workers=1), 2), unknown)


def test_a_past_value_may_be_corrected_and_not_be_taken_away():
    events = revised(begun(a_campaign(workers=1), 3), with_cache())
    corrected = revised(events, with_cache(was=8))
    assert {trial.point["cache"] for trial in History.from_events(corrected).trials.values()} == {8}
    with pytest.raises(Refused, match=r"parameters\.cache\.was: expected the value"):
        revised(events, with_cache(was=None))


def test_a_conditional_parameter_is_added_only_where_it_was_active():
    kind = {"kind": "categorical", "choices": ["sgd", "adam"]}
    beta = {"kind": "float", "low": 0, "high": 1, "when": {"solver": "adam"}, "was": 0.9}
    double = {"kind": "derived", "value": "2 * beta"}
    first = a_campaign(parameters={**XN, "solver": kind}, workers=1)
    second = a_campaign(parameters={**XN, "solver": kind, "beta": beta, "double": double}, workers=1)
    history = History.from_events(revised(begun(first, 6), second))
    found = {trial.point["solver"]: trial.point for trial in history.trials.values()}
    assert "beta" not in found["sgd"]
    assert (found["adam"]["beta"], found["adam"]["double"]) == (0.9, 1.8)


def test_a_parameter_that_becomes_a_constant_leaves_trials_with_other_values_outside_and_unknown_to_the_model():
    events = begun(a_campaign(workers=1), 6)
    values = [event.point["n"] for event in events if isinstance(event, TrialProposed)]
    constant = a_campaign(parameters={**XN, "n": {"kind": "fixed", "value": values[2]}}, workers=1)
    history = History.from_events(revised(events, constant))
    inside = [trial.id for trial in history.trials.values() if lies_in(constant, trial.point)]
    assert inside == [i for i, value in enumerate(values, start=1) if value == values[2]]
    later = History.from_events(tried(revised(events, constant), 2))
    assert {later.trials[i].point["n"] for i in (7, 8)} == {values[2]}
    last = propose(constant, later, PROPOSER, 1)[0]
    assert last.provenance.knew.observed == len(inside) + 2


def test_a_constant_may_be_tuned_from_now_on_and_its_trials_count():
    constant = a_campaign(parameters={**XN, "n": {"kind": "fixed", "value": 7}}, workers=1)
    history = History.from_events(revised(begun(constant, 5), a_campaign(workers=1)))
    assert all(lies_in(history.definition, trial.point) for trial in history.trials.values())
    assert propose(history.definition, history, PROPOSER, 1)[0].provenance.knew.observed == 5


def test_a_tuned_parameter_cannot_become_one_of_another_kind():
    other = {**XN, "n": {"kind": "float", "low": 1, "high": 50}}
    with pytest.raises(Refused, match=r'parameters\.n\.kind: was "int", is "float"'):
        revised(begun(a_campaign(workers=1), 1), a_campaign(parameters=other, workers=1))


def test_a_trial_that_was_handed_out_before_the_parameter_was_added_can_still_be_ended():
    events = begun(a_campaign(workers=1), 2)
    [proposal] = propose(a_campaign(workers=1), History.from_events(events), PROPOSER, 1)
    asked = TrialProposed(time=now(), actor="t", trial=3, point=proposal.point, generator="sobol")
    before = History.from_events([*events, asked])
    after = before.extended(revise(before, "ada@home", "", now(), with_cache(), {**before.defined.settings}))
    assert unended(after, before.trials[3], "tell").point == {**proposal.point, "cache": 0}


async def test_a_running_campaign_takes_a_new_parameter_and_measures_it():
    gate = Gate()

    async def until_revised(trial: int, attempt: int) -> float:
        return await gate.wait(trial, attempt) if trial > 2 else 1.0

    running = Running(a_campaign(workers=1), ScriptedEvaluator(until_revised))
    await running.until(lambda history: history.trials.observed == 2)
    await running.append(lambda history: revise(history, "ada@home", "", now(), with_cache(), {}))
    await running.until(lambda history: history.revised is not None)
    gate.open.set()
    history = await running.controller
    recorded = {e.trial: e.point for e in await events_of(running.ledger) if isinstance(e, TrialProposed)}
    since = [trial for trial, point in recorded.items() if "cache" in point]
    assert since == [*range(min(since), 9)]
    assert min(since) in (3, 4)
    assert all("cache" in trial.point for trial in history.trials.values())
