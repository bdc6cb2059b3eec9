"""Confirming trials measure the point of highest posterior mean, whether or not it was measured before."""

import random
from dataclasses import replace

import pytest
import torch
from told_campaigns import (
    MODEL,
    QUICK,
    add,
    bowl,
    campaign_of,
    cube,
    failed,
    history_of,
    observed,
    observed_by,
    proposed,
    some_points,
    told,
)

from overnight.bo_core import SobolProposer
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.model import Model, last_made_by_model
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Point, Proposal
from overnight.campaign.recommendation import Recommendation

SPACE = campaign_of(cube(2), budget={"trials": 30}, confirm=4)
LEVELS = {"n": {"kind": "int", "low": 0, "high": 8}}


def confirmed(campaign: Campaign, history: History, proposer: BayesianProposer = MODEL) -> Proposal:
    [proposal] = propose(campaign, history, proposer, 1)
    assert proposal.generator == "confirming"
    return proposal


def believed(campaign: Campaign, history: History) -> Model:
    """Return the model of the next confirming trial."""
    generator = torch.Generator().manual_seed(seed_of(campaign, history.next_trial))
    observed = observed_by(campaign, history.model_view())
    return Model.of(observed, MODEL, generator, last_made_by_model(history), sets=8)


def valley(campaign: Campaign, noise: float | None) -> History:
    """Return a history in which every point was measured, and the best one is 4."""
    levels = [{"n": n} for n in range(9)]
    return history_of(campaign, levels, [(n - 4) ** 2 / 4 for n in range(9)], [noise] * 9)


def test_it_is_the_maximum_of_the_posterior_mean_over_the_whole_space():
    history = told(SPACE, 26)
    proposal = confirmed(SPACE, history)
    axis = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)
    model = believed(SPACE, history)
    mean, _ = model.posterior.averaged(torch.cartesian_prod(axis, axis))
    [found], _ = model.posterior.averaged(torch.tensor([[*proposal.point.values()]], dtype=torch.float64))
    assert float(found) >= float(mean.max()) - 1e-3
    assert proposal.provenance is not None
    assert proposal.provenance.chosen.value == pytest.approx(float(found), rel=1e-9)
    assert len(proposal.provenance.models.metrics["loss"].hyperparameters["log_length_scales"]) == 2 * 8


def test_the_search_leaves_the_reserve_and_then_only_one_is_proposed_at_a_time():
    assert len(propose(SPACE, told(SPACE, 22), MODEL, 8)) == 4
    history = told(SPACE, 26)
    [first] = propose(SPACE, history, MODEL, 8)
    assert first.generator == "confirming"
    assert propose(SPACE, add(history, [first]), MODEL, 8) == []


def test_the_same_history_gives_the_same_bits_and_the_next_trial_knows_the_result():
    history = told(SPACE, 26)
    first = confirmed(SPACE, history)
    assert first == confirmed(SPACE, history)
    bad = add(history, [first]).extended([observed(27, 3.0)])
    assert confirmed(SPACE, bad).point != first.point


def test_it_does_not_change_the_search_before_it():
    history = told(SPACE, 12)
    never = SPACE.model_copy(update={"confirm": "never"})
    assert propose(SPACE, history, MODEL, 3) == propose(never, history, MODEL, 3)


def test_a_measured_point_is_measured_again_if_it_is_best():
    campaign = campaign_of(LEVELS, budget={"trials": 12}, confirm=3)
    assert confirmed(campaign, valley(campaign, 0.1)).point == {"n": 4}


def test_in_a_continuum_too_a_measured_point_may_be_best():
    line = campaign_of(cube(1), budget={"trials": 12}, confirm=3)
    history = history_of(line, [{"x0": x / 8} for x in range(9)], [0.0] + [1.0] * 8, [0.05] * 9)
    assert confirmed(line, history).point == {"x0": 0.0}


def test_exact_results_are_not_measured_again():
    campaign = campaign_of(LEVELS | cube(1), budget={"trials": 12}, confirm=3, noise="none")
    points = [{"n": n, "x0": 0.3} for n in range(9)]
    history = history_of(campaign, points, [(n - 4) ** 2 / 4 for n in range(9)])
    assert confirmed(campaign, history).point not in points


def test_a_point_whose_trial_failed_or_is_parked_is_not_measured_again():
    campaign = campaign_of(LEVELS, budget={"trials": 13}, confirm=4)
    history = valley(campaign, 0.1).extended([proposed(10, {"n": 4}, "confirming"), failed(10)])
    assert confirmed(campaign, history).point in ({"n": 3}, {"n": 5})


def test_a_point_that_is_believed_to_fail_is_not_confirmed():
    def works(point: Point) -> bool:
        return abs(float(point["x0"]) - 0.3) > 0.08

    points = some_points(SPACE, 60)
    good, bad = [p for p in points if works(p)], [p for p in points if not works(p)]
    campaign = campaign_of(cube(2), budget={"trials": len(good) + 2}, confirm=4)
    failures = [event for i, p in enumerate(bad, start=len(good) + 1) for event in (proposed(i, p), failed(i))]
    history = history_of(campaign, good, [bowl(p) for p in good]).extended(failures)
    ignoring = MODEL.model_copy(update={"feasibility": "ignore"})
    # The bowl's bottom, at 0.3, lies in the region in which everything fails.
    assert not works(confirmed(campaign, history, ignoring).point)
    proposal = confirmed(campaign, history)
    assert works(proposal.point)
    assert proposal.provenance is not None
    assert proposal.provenance.weights.probability_feasible is not None


def test_costs_do_not_count():
    aware, blind = (MODEL.model_copy(update={"cost_aware": c}) for c in (True, False))
    history = told(SPACE, 26)
    assert confirmed(SPACE, history, aware).point == confirmed(SPACE, history, blind).point


def test_the_baseline_comes_first_and_without_a_model_points_are_spread():
    campaign = campaign_of(cube(1), budget={"trials": 4}, confirm=3, baseline={"x0": 0.5})
    history = history_of(campaign, [], [])
    assert [p.generator for p in propose(campaign, history, QUICK, 3)] == ["baseline"]
    history = history_of(campaign, [{"x0": 0.5}], [1.0])
    assert [p.generator for p in propose(campaign, history, QUICK, 3)] == ["sobol"]
    assert [p.generator for p in propose(campaign, history, SobolProposer(), 3)] == ["sobol"] * 3


def test_after_the_phase_of_a_tiny_campaign_the_recommended_point_has_been_measured():
    campaign = campaign_of(cube(2), budget={"trials": 12}, confirm=2)
    points = some_points(campaign, 10)
    history = history_of(campaign, points, [bowl(p) for p in points])
    for trial in (11, 12):
        proposal = confirmed(campaign, history)
        history = add(history, [proposal]).extended([observed(trial, bowl(proposal.point))])
        found = recommend(campaign, history)
        assert found is not None
        assert found.trial == found.best_measured
    # The last result has moved the highest mean a little. An unmeasured point is ahead there, by a small part of what
    # is unknown about it.
    elsewhere = anywhere_without_the_phase(campaign, history)
    assert elsewhere.trial is None
    assert abs(elsewhere.mean - found.mean) < 0.1 * elsewhere.sd


def anywhere_without_the_phase(campaign: Campaign, history: History) -> Recommendation:
    """Return the recommendation of a campaign whose last trials did not confirm but searched."""
    searched = {"generator": "model"}
    proposals = {t.id: t.proposal.model_copy(update=searched) for t in history.trials.values()}
    trials = {t.id: t.model_copy(update={"proposal": proposals[t.id]}) for t in history.trials.values()}
    found = recommend(campaign, replace(history, trials=history.trials.changed(trials)))
    assert found is not None
    return found


def test_after_the_phase_the_recommended_point_has_been_measured():
    history, noisy = told(SPACE, 26, noise=0.1), random.Random(5)
    for trial in range(27, 31):
        proposal = confirmed(SPACE, history)
        history = add(history, [proposal]).extended([observed(trial, bowl(proposal.point) + noisy.gauss(0, 0.1))])
    found = recommend(SPACE, history)
    assert found is not None
    assert found.trial in range(27, 31)
