"""Points that wait for approval, and those that people rejected: never proposed again, and kept away from."""

import pytest
from told_campaigns import MODEL, NOON, campaign_of, cube, distance, key, proposed, provenance_of, told

from bo_core.propose import propose
from bo_core.proposer import AnyProposer, SobolProposer
from campaign import History, Point
from campaign.events import TrialApproved, TrialRejected

POLICY = {"when": {"change": {"x0": 0.0}}}
MIDDLE = {"x0": 0.5, "x1": 0.5}


def with_parked(history: History, point: Point) -> History:
    return history.extended([proposed(history.next_trial, point).model_copy(update={"parked": True})])


@pytest.mark.parametrize("proposer", [MODEL, SobolProposer()], ids=["model", "sobol"])
@pytest.mark.parametrize("approve", ["always", "when"])
def test_no_point_of_a_finite_space_that_waits_or_was_rejected_is_proposed_again(proposer: AnyProposer, approve: str):
    policy = {"when": {"change": {"n": 0.0}}} if approve == "when" else approve
    campaign = campaign_of({"n": {"kind": "int", "low": 1, "high": 6}}, approve=policy, baseline={"n": 1})
    history = told(campaign, 2)
    for _ in range(2):
        [proposal] = propose(campaign, history, proposer, 1)
        history = with_parked(history, proposal.point)
    history = history.extended([TrialRejected(time=NOON, actor="ada@home", trial=3, why="no")])
    rest = propose(campaign, history, proposer, 5)
    points = [key(t.point) for t in history.trials.values()] + [key(p.point) for p in rest]
    assert len(set(points)) == len(points) == len(history.trials) + len(rest)


def test_while_a_point_waits_and_once_it_was_rejected_others_are_proposed_away_from_it():
    campaign = campaign_of(cube(2), approve=POLICY, baseline=MIDDLE)
    history = told(campaign, 12)
    [wanted] = propose(campaign, history, MODEL, 1)
    waiting = with_parked(history, wanted.point)
    rejected = waiting.extended([TrialRejected(time=NOON, actor="ada@home", trial=waiting.next_trial - 1, why="no")])
    for withheld in (waiting, rejected):
        [moved] = propose(campaign, withheld, MODEL, 1)
        assert distance(moved.point, wanted.point) > 0.02
        assert provenance_of(moved).pending == ()


def test_a_point_that_was_approved_is_pending_like_any_other():
    campaign = campaign_of(cube(2), approve=POLICY, baseline=MIDDLE)
    history = told(campaign, 12)
    [wanted] = propose(campaign, history, MODEL, 1)
    number = history.next_trial
    approved = with_parked(history, wanted.point).extended(
        [TrialApproved(time=NOON, actor="ada@home", trial=number, why="fine")]
    )
    [moved] = propose(campaign, approved, MODEL, 1)
    assert provenance_of(moved).pending == (number,)
    assert distance(moved.point, wanted.point) > 0.02


def test_where_everything_is_approved_what_waits_has_no_part_in_a_proposal():
    """Proposals that were recorded so have to be made again bit for bit."""
    always, never = (campaign_of(cube(2), approve=word, baseline=MIDDLE) for word in ("always", "never"))
    history = told(never, 12)
    wanted, waiting = {"x0": 0.31, "x1": 0.62}, history
    waiting = with_parked(history, wanted)
    assert propose(always, waiting, MODEL, 1) == propose(never, waiting, MODEL, 1)
