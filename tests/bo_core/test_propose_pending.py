import pytest
from told_campaigns import (
    MODEL,
    acquisition_value,
    add,
    campaign_of,
    cube,
    distance,
    failed,
    key,
    proposed,
    provenance_of,
    told,
)

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import AnyProposer, SobolProposer
from overnight.campaign.evaluation import Cause


@pytest.mark.parametrize("q", [1, 3])
def test_every_point_of_a_batch_keeps_away_from_where_a_trial_is_pending(q: int) -> None:
    campaign = campaign_of(cube(2))
    history = told(campaign, 12)
    wanted = propose(campaign, history, MODEL, q)
    waiting = add(history, wanted)
    instead = propose(campaign, waiting, MODEL, 3)
    for proposal in instead:
        assert min(distance(proposal.point, w.point) for w in wanted) > 0.02
        assert acquisition_value(proposal) < acquisition_value(wanted[0])
        assert provenance_of(proposal).knew.pending == tuple(range(13, 13 + q))
        assert provenance_of(proposal).knew.observed == 12


def test_a_batch_goes_where_single_proposals_go_while_all_of_them_are_pending() -> None:
    # Many draws, because each trial has its own.
    proposer = MODEL.model_copy(update={"draws": 1024})
    campaign = campaign_of(cube(2))
    history = told(campaign, 14, noise=0.0)
    batch = propose(campaign, history, proposer, 3)
    one_by_one, waiting = [], history
    for _ in range(3):
        one_by_one += propose(campaign, waiting, proposer, 1)
        waiting = add(waiting, one_by_one[-1:])
    for together, alone in zip(batch, one_by_one, strict=True):
        assert distance(together.point, alone.point) < 0.05
        assert acquisition_value(alone) == pytest.approx(acquisition_value(together), abs=0.1)


def test_a_proposal_moves_away_from_where_it_would_have_gone_if_that_is_pending_and_not_otherwise() -> None:
    campaign = campaign_of(cube(2))
    history = told(campaign, 12)
    [wanted] = propose(campaign, history, MODEL, 1)
    elsewhere = history.extended([proposed(13, {"x0": 0.99, "x1": 0.01})])
    there = history.extended([proposed(13, wanted.point)])
    [indifferent], [moved] = propose(campaign, elsewhere, MODEL, 1), propose(campaign, there, MODEL, 1)
    assert distance(indifferent.point, wanted.point) < 0.02
    assert distance(moved.point, wanted.point) > 0.1
    assert acquisition_value(moved) < acquisition_value(indifferent) - 0.5


@pytest.mark.parametrize("cause", ["configuration", "infeasible", "timeout", "invalid_result"])
def test_a_proposal_moves_away_from_a_point_that_failed(cause: Cause) -> None:
    campaign = campaign_of(cube(2))
    history, tried = told(campaign, 12), []
    for _ in range(3):
        [proposal] = propose(campaign, history, MODEL, 1)
        trial, history = history.next_trial, add(history, [proposal])
        history = history.extended([failed(trial, cause)])
        assert all(distance(proposal.point, other) > 0.02 for other in tried)
        tried.append(proposal.point)


@pytest.mark.parametrize("cause", ["infrastructure", "cancelled"])
def test_a_failure_that_says_nothing_of_the_point_does_not_keep_others_away(cause: Cause) -> None:
    campaign = campaign_of(cube(2))
    history = told(campaign, 12)
    [wanted] = propose(campaign, history, MODEL, 1)
    [again] = propose(campaign, add(history, [wanted]).extended([failed(13, cause)]), MODEL, 1)
    assert 0.0 < distance(again.point, wanted.point) < 0.02


def test_a_point_that_is_quarantined_keeps_others_away_though_the_infrastructure_failed_there() -> None:
    campaign = campaign_of(cube(2))
    history = told(campaign, 12)
    [wanted] = propose(campaign, history, MODEL, 1)
    end = failed(13, "infrastructure").model_copy(update={"quarantined": True})
    [moved] = propose(campaign, add(history, [wanted]).extended([end]), MODEL, 1)
    assert distance(moved.point, wanted.point) > 0.02


@pytest.mark.parametrize("proposer", [MODEL, SobolProposer()])
def test_no_point_of_a_finite_space_that_failed_is_proposed_again(proposer: AnyProposer) -> None:
    campaign = campaign_of({"n": {"kind": "int", "low": 1, "high": 6}, "on": {"kind": "fixed", "value": 1}})
    history = told(campaign, 2)
    for quarantined in (True, False):
        [proposal] = propose(campaign, history, proposer, 1)
        end = failed(history.next_trial, "infrastructure").model_copy(update={"quarantined": quarantined})
        history = add(history, [proposal]).extended([end])
    rest = propose(campaign, history, proposer, 5)
    assert len(rest) == 2
    points = [key(t.point) for t in history.trials.values()] + [key(p.point) for p in rest]
    assert len(set(points)) == 6


def test_what_a_person_asks_for_in_a_batch_is_known_to_the_points_of_the_model_beside_it() -> None:
    campaign = campaign_of(cube(2))
    history = told(campaign, 12)
    [wanted] = propose(campaign, history, MODEL, 1)
    asking = campaign_of(cube(2), start_with=[wanted.point])
    manual, model = propose(asking, history, MODEL, 2)
    assert (manual.generator, manual.point, model.generator) == ("manual", wanted.point, "model")
    assert distance(model.point, wanted.point) > 0.1
