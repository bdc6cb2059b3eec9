"""Points that wait for approval or were rejected are never proposed again, and proposals keep away from them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from told_campaigns import (
    MODEL,
    NOON,
    acquisition_value,
    bowl,
    campaign_of,
    cube,
    defined,
    distance,
    history_of,
    key,
    observed,
    proposed,
    provenance_of,
    some_points,
    told,
)

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import AnyProposer, SobolProposer
from overnight.campaign import Campaign, History, Point
from overnight.campaign.history.events import Event, TrialAbandoned, TrialApproved, TrialProposed, TrialRejected

POLICY = {"when": {"cost": 1.0}}
MIDDLE = {"x0": 0.5, "x1": 0.5}


def parked(trial: int, point: Point) -> TrialProposed:
    return proposed(trial, point).model_copy(update={"parked": True})


def approved(trial: int) -> TrialApproved:
    return TrialApproved(time=NOON, actor="ada@home", trial=trial, why="fine")


def rejected(trial: int) -> TrialRejected:
    return TrialRejected(time=NOON, actor="ada@home", trial=trial, why="no")


def abandoned(trial: int) -> TrialAbandoned:
    return TrialAbandoned(time=NOON, actor="ada@home", trial=trial, why="nobody decides")


def with_parked(history: History, point: Point) -> History:
    return history.extended([parked(history.next_trial, point)])


def decided(history: History, approvals: int, rejections: int) -> History:
    """Return the history after decisions about points in a corner; approved points have been measured."""
    for i in range(approvals + rejections):
        trial, point = history.next_trial, {"x0": 0.9 + 0.01 * i, "x1": 0.95}
        end: list[Event] = [approved(trial), observed(trial, bowl(point))] if i < approvals else [rejected(trial)]
        history = history.extended([parked(trial, point), *end])
    return history


@pytest.mark.parametrize("proposer", [MODEL, SobolProposer()], ids=["model", "sobol"])
@pytest.mark.parametrize("approve", ["always", "when"])
def test_no_point_of_a_finite_space_that_waits_or_was_rejected_is_proposed_again(proposer: AnyProposer, approve: str):
    policy = {"when": {"change": {"n": 0.0}}} if approve == "when" else approve
    campaign = campaign_of({"n": {"kind": "int", "low": 1, "high": 6}}, approve=policy, baseline={"n": 1})
    history = told(campaign, 2)
    for _ in range(2):
        [proposal] = propose(campaign, history, proposer, 1)
        history = with_parked(history, proposal.point)
    history = history.extended([rejected(3)])
    rest = propose(campaign, history, proposer, 5)
    points = [key(t.point) for t in history.trials.values()] + [key(p.point) for p in rest]
    assert len(set(points)) == len(points) == len(history.trials) + len(rest)


def test_once_a_point_was_rejected_others_are_proposed_away_from_it():
    campaign = campaign_of(cube(2), approve=POLICY)
    history = told(campaign, 12)
    [wanted] = propose(campaign, history, MODEL, 1)
    history = with_parked(history, wanted.point).extended([rejected(13)])
    [moved] = propose(campaign, history, MODEL, 1)
    assert distance(moved.point, wanted.point) > 0.02
    assert provenance_of(moved).knew.pending == ()


@pytest.mark.parametrize(("approvals", "rejections"), [(0, 0), (2, 0), (0, 2)])
def test_what_waits_counts_as_if_it_were_tried_or_nobody_had_proposed_it_as_likely_as_it_is_approved(
    approvals: int, rejections: int
):
    """One point is left in the space and is scored in each case; equal numbers of trials make all else the same."""
    campaign = campaign_of({"n": {"kind": "int", "low": 1, "high": 9}}, approve=POLICY)
    losses = {1: 0.9, 2: 0.6, 3: 0.4, 8: 0.5, 9: 0.8}
    history = history_of(campaign, [{"n": n} for n in losses], list(losses.values()))
    for trial, n in ((6, 6), (7, 7)):
        end: list[Event] = [approved(trial), observed(trial, 0.3 + 0.1 * (n - 6))]
        decisions = end if approvals else [rejected(trial)] if rejections else [abandoned(trial)]
        history = history.extended([parked(trial, {"n": n}), *decisions])
    waits = with_parked(history, {"n": 4})
    proposer = MODEL.model_copy(update={"draws": 4096})
    [while_it_waits], [tried], [without] = (
        propose(campaign, each, proposer, 1)
        for each in (waits, waits.extended([approved(8)]), waits.extended([abandoned(8)]))
    )
    p = max((approvals + 1) / (approvals + rejections + 2), 0.5)
    gains = [math.exp(acquisition_value(proposal)) for proposal in (tried, without)]
    assert gains[1] > 1.2 * gains[0]
    assert acquisition_value(while_it_waits) == pytest.approx(math.log(p * gains[0] + (1 - p) * gains[1]), abs=0.02)
    assert [provenance_of(made).knew.pending for made in (while_it_waits, tried, without)] == [(), (8,), ()]


@pytest.mark.parametrize(("approvals", "rejections"), [(0, 0), (3, 0), (0, 3), (2, 1)])
def test_how_likely_approval_is_is_judged_by_what_people_decided_and_recorded(approvals: int, rejections: int):
    campaign = campaign_of(cube(2), approve=POLICY)
    history = decided(told(campaign, 8), approvals, rejections)
    [nothing_waits] = propose(campaign, history, MODEL, 1)
    [something_waits] = propose(campaign, with_parked(history, MIDDLE), MODEL, 1)
    assert provenance_of(nothing_waits).knew.probability_of_approval is None
    expected = max((approvals + 1) / (approvals + rejections + 2), 0.5)
    assert provenance_of(something_waits).knew.probability_of_approval == expected


def test_what_was_given_up_while_it_waited_was_not_decided():
    campaign = campaign_of(cube(2), approve=POLICY)
    history = with_parked(told(campaign, 8), {"x0": 0.9, "x1": 0.9}).extended([abandoned(9)])
    [proposal] = propose(campaign, with_parked(history, MIDDLE), MODEL, 1)
    assert provenance_of(proposal).knew.probability_of_approval == 0.5


def test_decisions_about_points_outside_of_narrowed_bounds_are_decisions():
    campaign = campaign_of(cube(2), approve=POLICY)
    history = decided(told(campaign, 12), 2, 0)
    narrowed = cube(2) | {"x0": {"kind": "float", "low": 0.0, "high": 0.8}}
    [proposal] = propose(campaign_of(narrowed, approve=POLICY), with_parked(history, MIDDLE), MODEL, 1)
    assert provenance_of(proposal).knew.probability_of_approval == 0.75


@st.composite
def interleavings(draw: st.DrawFn, campaign: Campaign) -> list[Event]:
    """Return events of trials, some of which needed approval, in a random order that keeps each trial's own."""
    points = some_points(campaign, 10)
    lives: list[list[Event]] = [[proposed(i, points[i - 1]), observed(i, bowl(points[i - 1]))] for i in range(1, 6)]
    ends = [[approved(6), observed(6, bowl(points[5]))], [approved(7)], [rejected(8)], [abandoned(9)], []]
    lives += [[parked(i, points[i - 1]), *end] for i, end in enumerate(ends, start=6)]
    order = draw(st.permutations([i for i, life in enumerate(lives) for _ in life]))
    queues = [iter(life) for life in lives]
    return [next(queues[i]) for i in order]


@given(st.data())
@settings(max_examples=5, deadline=None)
def test_the_order_in_which_people_decided_and_trials_ended_does_not_matter(data: st.DataObject):
    campaign = campaign_of(cube(2), approve=POLICY)
    events = data.draw(interleavings(campaign))
    in_order = sorted(events, key=lambda event: event.trial)
    expected = propose(campaign, History.from_events([defined(campaign), *in_order]), MODEL, 2)
    assert propose(campaign, History.from_events([defined(campaign), *events]), MODEL, 2) == expected
    assert [provenance_of(p).knew.probability_of_approval for p in expected] == [0.6, 0.6]


def test_a_point_that_was_approved_is_pending_like_any_other():
    campaign = campaign_of(cube(2), approve=POLICY)
    history = told(campaign, 12)
    [wanted] = propose(campaign, history, MODEL, 1)
    number = history.next_trial
    waited = with_parked(history, wanted.point).extended([approved(number)])
    [moved] = propose(campaign, waited, MODEL, 1)
    assert moved == propose(campaign, history.extended([proposed(number, wanted.point)]), MODEL, 1)[0]
    assert provenance_of(moved).knew.pending == (number,)


def test_where_everything_is_approved_what_waits_has_no_part_in_a_proposal():
    """Proposals recorded with `approve: always` must replay bit for bit."""
    always, never = (campaign_of(cube(2), approve=word, baseline=MIDDLE) for word in ("always", "never"))
    history = told(never, 12)
    wanted, waiting = {"x0": 0.31, "x1": 0.62}, history
    waiting = with_parked(history, wanted)
    assert propose(always, waiting, MODEL, 1) == propose(never, waiting, MODEL, 1)
