"""The rule of the confirming phase: when it begins, how many trials are left, and whether one may be proposed now."""

from collections.abc import Iterator
from typing import Any

import pytest
from history_events import at, proposed, started

from overnight.campaign import Campaign, History, Measurement
from overnight.campaign.history.events import (
    CampaignDefined,
    CampaignRevised,
    Event,
    TrialAbandoned,
    TrialApproved,
    TrialFailed,
    TrialObserved,
    TrialProposed,
    TrialRejected,
)
from overnight.campaign.history.provenance import Chosen, MadeBy, Provenance
from overnight.campaign.history.trial import Generator
from overnight.campaign.standing.confirming import Confirming, confirming
from overnight.campaign.standing.spending import likely_left


def campaign_of(trials: int = 60, *, confirm: str | int = "auto", **changes: Any) -> Campaign:
    budget = {"trials": trials} | changes.pop("budget", {})
    parameters = {"heat": {"kind": "float", "low": 0, "high": 100}}
    settings = {"name": "bread", "parameters": parameters, "minimize": "burnt", "budget": budget, "confirm": confirm}
    return Campaign.model_validate(settings | changes)


def observed(trial: int, cost: float | None = None) -> TrialObserved:
    metrics = {"burnt": Measurement(mean=1.0)}
    return TrialObserved(time=at(0), actor="c", trial=trial, attempt=1, metrics=metrics, cost=cost)


def made(trial: int, generator: Generator, gain: float | None = None, *, parked: bool = False) -> TrialProposed:
    made = None if gain is None else Provenance(made_by=MadeBy(seed=1), chosen=Chosen(expected_gain=gain))
    of = {"generator": generator, "provenance": made, "batch": trial, "parked": parked}
    return proposed(trial).model_copy(update=of)


def tried(first: int, last: int, generator: Generator = "model", gain: float = 1.0, **more: Any) -> Iterator[Event]:
    """Yield trials that were proposed, started and observed."""
    for trial in range(first, last + 1):
        yield from (made(trial, generator, gain), started(trial), observed(trial, **more))


def after(campaign: Campaign, *events: Event, settings: dict[str, Any] | None = None) -> History:
    defined = CampaignDefined(time=at(0), actor="ada", uid="u", definition=campaign, settings=settings or {})
    return History.from_events([defined, *events])


def found(campaign: Campaign, *events: Event, **more: Any) -> Confirming:
    history = after(campaign, *events, **more)
    return confirming(history.definition, history)


NOTHING = Confirming()


def searches(left: int, may_propose: int) -> Confirming:
    return Confirming(left, begun=False, may_propose=may_propose)


def confirms(left: int, may_propose: int) -> Confirming:
    return Confirming(left, begun=True, may_propose=may_propose)


@pytest.mark.parametrize(
    ("trials", "reserved"), [(5, 0), (9, 0), (10, 1), (20, 1), (22, 1), (23, 2), (60, 4), (100, 7), (1000, 67)]
)
def test_a_fifteenth_of_the_trials_is_reserved_and_none_of_fewer_than_ten(trials, reserved):
    assert found(campaign_of(trials)) == (searches(reserved, trials - reserved) if reserved else NOTHING)
    assert found(campaign_of(trials), *tried(1, trials - reserved)) == (confirms(reserved, 1) if reserved else NOTHING)


def test_a_number_is_reserved_as_it_is_and_never_reserves_nothing():
    assert found(campaign_of(60, confirm=7)) == searches(7, 53)
    assert found(campaign_of(8, confirm=2), *tried(1, 6)) == confirms(2, 1)
    assert found(campaign_of(confirm="never"), *tried(1, 58)) == NOTHING


def test_with_several_objectives_nothing_is_confirmed():
    several = campaign_of(minimize=None, objectives=[{"minimize": "burnt"}, {"maximize": "taste"}])
    assert found(several) == found(several, *tried(1, 58)) == NOTHING


def test_a_proposer_without_a_model_confirms_nothing():
    for kind in ("sobol", "python"):
        assert found(campaign_of(), *tried(1, 58), settings={"proposer": {"kind": kind}}) == NOTHING
    assert found(campaign_of(), *tried(1, 58), settings={"proposer": {"kind": "bayesian"}}) == confirms(2, 1)


def test_the_search_leaves_the_reserve_and_pending_trials_have_a_place_before_it():
    assert found(campaign_of(), *tried(1, 50), made(51, "model"), started(51)).may_propose == 5


def test_a_confirming_trial_waits_until_all_others_have_ended():
    events = [*tried(1, 55), made(56, "model")]
    assert found(campaign_of(), *events) == confirms(4, 0)
    assert found(campaign_of(), *events, started(56)) == confirms(4, 0)
    assert found(campaign_of(), *events, started(56), observed(56)) == confirms(4, 1)
    events += [started(56), observed(56), made(57, "confirming")]
    assert found(campaign_of(), *events) == confirms(3, 0)
    assert found(campaign_of(), *events, started(57), observed(57)) == confirms(3, 1)


def test_a_confirming_trial_that_fails_or_is_abandoned_while_it_runs_has_used_its_place():
    events = [*tried(1, 56), made(57, "confirming"), started(57)]
    failed = TrialFailed(time=at(0), actor="c", trial=57, attempt=1, cause="timeout", message="slow")
    abandoned = TrialAbandoned(time=at(0), actor="ada", trial=57, why="enough")
    assert found(campaign_of(), *events, failed) == confirms(3, 1)
    assert found(campaign_of(), *events, abandoned) == confirms(3, 1)


def test_a_rejected_confirming_trial_leaves_its_place():
    events = [*tried(1, 56), made(57, "confirming", parked=True)]
    assert found(campaign_of(approve="always"), *events) == confirms(3, 0)
    rejected = TrialRejected(time=at(0), actor="ada", trial=57, why="no")
    assert found(campaign_of(approve="always"), *events, rejected) == confirms(4, 1)


def test_under_a_policy_it_does_not_wait_for_the_approval_of_others_and_else_it_does():
    policy = {"when": {"predicted": {"worse_than": 5.0}}}
    waits = [*tried(1, 55), made(56, "model", parked=True)]
    assert found(campaign_of(approve=policy), *waits) == confirms(4, 1)
    assert found(campaign_of(approve=policy), *waits, made(57, "confirming", parked=True)) == confirms(3, 0)
    assert found(campaign_of(approve="always"), *waits) == confirms(4, 0)


def test_without_results_it_waits_for_parked_trials_even_under_a_policy():
    policy = {"when": {"predicted": {"worse_than": 5.0}}}
    parked = [made(trial, "sobol", parked=True) for trial in range(1, 57)]
    assert found(campaign_of(approve=policy), *parked) == confirms(4, 0)
    one = [TrialApproved(time=at(0), actor="ada", trial=1, why=""), started(1), observed(1)]
    assert found(campaign_of(approve=policy), *parked, *one) == confirms(4, 0)
    two = [TrialApproved(time=at(0), actor="ada", trial=2, why=""), started(2), observed(2)]
    assert found(campaign_of(approve=policy), *parked, *one, *two) == confirms(4, 1)
    rejected = [TrialRejected(time=at(0), actor="ada", trial=trial, why="") for trial in range(1, 57)]
    assert found(campaign_of(approve=policy), *parked, *rejected) == searches(4, 56)


def test_a_point_that_a_person_suggests_takes_a_place_and_is_waited_for():
    suggested = [*tried(1, 56), made(57, "manual")]
    assert found(campaign_of(), *suggested) == confirms(3, 0)
    assert found(campaign_of(), *suggested, started(57), observed(57)) == confirms(3, 1)


def test_a_larger_budget_returns_to_the_search_and_a_smaller_one_confirms_or_ends():
    def revised(trials: int) -> CampaignRevised:
        return CampaignRevised(time=at(0), actor="ada", revision=1, definition=campaign_of(trials))

    events = [*tried(1, 56), *tried(57, 57, "confirming")]
    assert found(campaign_of(), *events, revised(120)) == searches(8, 120 - 57 - 8)
    assert found(campaign_of(), *tried(1, 40), revised(42)) == confirms(2, 1)
    assert found(campaign_of(), *tried(1, 40), revised(40)) == NOTHING


def test_when_stop_when_ends_the_search_the_reserve_is_still_spent():
    campaign = campaign_of(stop_when={"expected_gain_below": 0.1, "in_a_row": 2})
    searched = [*tried(1, 28), *tried(29, 30, gain=0.01)]
    assert found(campaign, *searched) == confirms(4, 1)
    confirmed = [*searched, *tried(31, 33, "confirming", gain=None)]
    assert found(campaign, *confirmed) == confirms(1, 1)
    assert found(campaign, *confirmed, made(34, "confirming"), started(34), observed(34)) == NOTHING


def test_advice_to_stop_does_not_end_the_search():
    campaign = campaign_of(stop_when={"expected_gain_below": 0.1, "in_a_row": 1, "advice_only": True})
    assert found(campaign, *tried(1, 30, gain=0.01)) == searches(4, 26)


def test_points_of_a_stand_in_use_the_reserve_of_a_search_that_stop_when_ended():
    campaign = campaign_of(stop_when={"expected_gain_below": 0.1, "in_a_row": 1})
    assert found(campaign, *tried(1, 30, gain=0.01), *tried(31, 34, "sobol", gain=None)) == NOTHING


def test_a_budget_of_evaluations_or_of_cost_reserves_a_fifteenth_of_the_trials_it_is_likely_to_pay_for():
    evaluations = campaign_of(1000, budget={"evaluations": 60})
    assert found(evaluations, *tried(1, 56)) == confirms(4, 1)
    cost = campaign_of(1000, budget={"cost": 120.0})
    assert found(cost) == searches(67, 1000 - 67)
    assert found(cost, *tried(1, 40, cost=2.0)) == searches(4, 16)
    assert found(cost, *tried(1, 40, cost=2.0), made(41, "model"), started(41)) == searches(4, 15)
    assert found(cost, *tried(1, 56, cost=2.0)) == confirms(4, 1)
    assert found(cost, *tried(1, 60, cost=2.0)) == NOTHING


def test_cheap_confirming_trials_let_the_search_continue_and_no_more_confirm_than_were_asked_for():
    campaign = campaign_of(1000, confirm=3, budget={"cost": 100.0})
    events, generators = [*tried(1, 17, cost=5.0)], list[Generator]()
    while likely_left(history := after(campaign, *events), campaign.budget) > 0:
        confirms_now = confirming(campaign, history).begun
        generators.append("confirming" if confirms_now else "model")
        number = history.next_trial
        events += tried(number, number, generators[-1], cost=0.5 if confirms_now else 5.0)
    # The cheap ones leave room for two more trials than were expected.
    assert generators == ["confirming", "model", "confirming", "confirming", "model"]


def test_a_trial_that_revised_bounds_keep_from_starting_is_not_waited_for():
    narrow = campaign_of(60).model_dump() | {"parameters": {"heat": {"kind": "float", "low": 0, "high": 50}}}
    revised = CampaignRevised(time=at(0), actor="ada", revision=1, definition=Campaign.model_validate(narrow))
    outside = proposed(56).model_copy(update={"point": {"heat": 90.0}})
    assert found(campaign_of(60), *tried(1, 55), outside, revised) == confirms(4, 1)


def test_a_definition_that_was_recorded_without_the_key_confirms_nothing():
    body = CampaignDefined(time=at(0), actor="ada", uid="u", definition=campaign_of(confirm="auto")).model_dump()
    assert CampaignDefined.model_validate(body).definition.confirm == "auto"
    del body["definition"]["confirm"]
    assert CampaignDefined.model_validate(body).definition.confirm == "never"
