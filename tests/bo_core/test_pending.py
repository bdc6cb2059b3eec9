from typing import get_args

import pytest
import torch
from told_campaigns import (
    MODEL,
    bowl,
    campaign_of,
    cube,
    distance,
    failed,
    history_of,
    observed_by,
    proposed,
    some_points,
    told,
)

from overnight.bo_core.choice.pending import Treated, treat
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.model import Model
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer, PendingTreatment
from overnight.campaign import Campaign, History, Point

SPACE = campaign_of(cube(2))


def with_pending(treatment: PendingTreatment) -> BayesianProposer:
    return MODEL.model_copy(update={"pending": treatment})


def treated(
    treatment: PendingTreatment, campaign: Campaign = SPACE, pending: int = 2
) -> tuple[Model, Treated, torch.Tensor]:
    """Return the model of a noisy bowl, the treatment of its pending trials, and their features."""
    view, encoding = told(campaign, 10, pending).model_view(), Encoding(campaign.space)
    model = Model.of(observed_by(campaign, view), MODEL, torch.Generator().manual_seed(0))
    X = encoding.encode([t.point for t in view.pending])
    return model, treat(treatment, model, X), X


def next_point(history: History, treatment: PendingTreatment) -> Point:
    return propose(SPACE, history, with_pending(treatment), 1)[0].point


def test_joint_leaves_pending_points_to_be_drawn_and_ignore_does_not() -> None:
    model, found, X = treated("joint")
    assert found.posterior is model.posterior
    assert found.drawn is X
    model, found, _ = treated("ignore")
    assert found.posterior is model.posterior
    assert len(found.drawn) == 0


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("treatment", ["liar_min", "liar_mean", "liar_max"])
def test_a_lie_is_named_by_the_metric_as_the_user_sees_it(treatment: PendingTreatment, direction: str) -> None:
    campaign = campaign_of(cube(2), **({"maximize": "gain"} if direction == "maximize" else {}))
    model, found, X = treated(treatment, campaign)
    trials = told(campaign, 10, 2).model_view().observed
    values = [t.outcome.metrics[campaign.objective.metric].mean for t in trials]  # pyright: ignore
    expected = {"liar_min": min(values), "liar_mean": sum(values) / 10, "liar_max": max(values)}[treatment]
    lies = [model.observed.outcomes.mean_in_units(y) for y in found.posterior.y[0, -2:].tolist()]
    assert lies == pytest.approx([expected] * 2)
    assert len(found.drawn) == 0
    assert torch.equal(found.X[-2:], X)


def test_lies_are_data_to_the_beliefs_but_not_to_the_fit() -> None:
    model, gloomy, X = treated("liar_max")
    assert torch.equal(gloomy.posterior.hyperparameters.theta, model.posterior.hyperparameters.theta)
    assert torch.equal(gloomy.posterior.mean, model.posterior.mean)
    _, hopeful, _ = treated("liar_min")
    (mean, sd), (lower, smaller), (higher, _) = (
        p.marginal(X) for p in (model.posterior, gloomy.posterior, hopeful.posterior)
    )
    assert bool(((lower < mean) & (mean < higher)).all())
    assert bool((smaller < sd).all())


def test_the_believer_lowers_the_uncertainty_and_moves_no_mean() -> None:
    model, found, X = treated("believer")
    before, after = model.posterior.marginal(X), found.posterior.marginal(X)
    torch.testing.assert_close(after[0], before[0])
    assert bool((after[1] < before[1]).all())


def test_ignoring_proposes_as_if_nobody_had_proposed_the_pending_points() -> None:
    history = told(SPACE, 10)
    best = next_point(history, "joint")
    busy = history.extended([proposed(history.next_trial, {**best, "x0": best["x0"] + 1e-3})])
    # The trial's number differs, and with it the seed, so the points differ by the search's tolerance.
    assert distance(next_point(busy, "ignore"), best) < 0.02
    assert distance(next_point(busy, "joint"), best) > 0.02


@pytest.mark.parametrize("treatment", get_args(PendingTreatment))
def test_no_treatment_forgets_the_chosen_points_of_its_batch(treatment: PendingTreatment) -> None:
    proposals = propose(SPACE, told(SPACE, 10, pending=2), with_pending(treatment), 4)
    points = [p.point for p in proposals]
    assert min(distance(a, b) for i, a in enumerate(points) for b in points[:i]) > 0.02


def test_ignoring_pending_trials_does_not_ignore_points_that_failed() -> None:
    points = some_points(SPACE, 10)
    history = history_of(SPACE, points, [bowl(p) for p in points])
    best = next_point(history, "ignore")
    broken = history.extended([proposed(11, best), failed(11)])
    assert distance(next_point(broken, "ignore"), best) > 0.02


@pytest.mark.parametrize("treatment", get_args(PendingTreatment))
@pytest.mark.parametrize(
    "acquisition", ["thompson_sampling", "upper_confidence_bound", "log_probability_of_improvement"]
)
def test_every_treatment_goes_with_every_acquisition(treatment: PendingTreatment, acquisition: str) -> None:
    more = {"acquisition": acquisition, "pending": treatment, "hyperparameters": "average"}
    assert len(propose(SPACE, told(SPACE, 8, pending=3), MODEL.model_copy(update=more), 2)) == 2
