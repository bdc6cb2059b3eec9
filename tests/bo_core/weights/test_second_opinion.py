"""A second model identifies hopeless points that the first, in which bad outcomes are compressed, would search."""

import math
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from surrogate_cases import kernel_by_the_textbook
from told_campaigns import MODEL, campaign_of, history_of, observed, observed_by, proposed, provenance_of, some_points

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.state import Observed
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.search.quasi_random import uniform_draws
from overnight.bo_core.search.surface import Surface
from overnight.bo_core.weights.second_opinion import SecondOpinion
from overnight.campaign import History, Point
from overnight.campaign.goal.target import Target

SQUARE = {name: {"kind": "float", "low": -5.0, "high": 5.0} for name in ("x", "y")}
IGNORING = MODEL.model_copy(update={"hopeless": "ignore"})


def bowl(point: Point) -> float:
    return (float(point["x"]) - 1.0) ** 2 + (float(point["y"]) - 2.0) ** 2


def told(function: Callable[[Point], float], sem: float | None = 0.02) -> Observed:
    """Return results of points in the whole square and close to an optimum at (1, 2)."""
    campaign, rng = campaign_of(SQUARE), random.Random(1)
    points = some_points(campaign, 16, 1) + [{"x": rng.gauss(1.0, 0.2), "y": rng.gauss(2.0, 0.2)} for _ in range(14)]
    results = [function(p) + rng.gauss(0.0, sem or 0.0) for p in points]
    history = history_of(campaign, points, results, None if sem is None else [sem] * len(points))
    return observed_by(campaign, history.model_view(), learn_noise=False)


def opinion_of(observed: Observed) -> SecondOpinion:
    found = SecondOpinion.fitted(observed, MODEL)
    assert found is not None
    return found


def places(*points: tuple[float, float]) -> torch.Tensor:
    return Encoding(campaign_of(SQUARE).space).encode([{"x": x, "y": y} for x, y in points])


def test_the_far_corners_of_a_bowl_are_hopeless_and_its_optimum_is_not() -> None:
    for sem in (0.02, None):
        found = opinion_of(told(bowl, sem))
        assert not found.finds_hopeless(places((1.0, 2.0)))
        assert all(found.finds_hopeless(places(corner)) for corner in ((-5.0, -5.0), (5.0, -5.0), (-5.0, 5.0)))


def test_a_model_that_its_own_observations_surprise_finds_less_hopeless() -> None:
    def rough(point: Point) -> float:
        return bowl(point) * (1.0 + math.sin(40.0 * float(point["x"])))

    assert opinion_of(told(rough)).hopeless > opinion_of(told(bowl)).hopeless


def test_there_is_no_second_model_without_far_outcomes_or_against_the_setting() -> None:
    campaign = campaign_of(SQUARE)
    points = some_points(campaign, 12, 1)
    flat = history_of(campaign, points, [float(i) for i in range(12)])
    assert SecondOpinion.fitted(observed_by(campaign, flat.model_view(), learn_noise=False), MODEL) is None
    assert SecondOpinion.fitted(told(bowl), IGNORING) is None
    assert propose(campaign, flat, MODEL, 2) == propose(campaign, flat, IGNORING, 2)


def test_the_weight_is_that_of_a_textbook_regression_of_the_outcomes_as_they_are() -> None:
    seen = told(bowl, 0.5)
    found, plain = opinion_of(seen), seen.with_tail_width(None)
    theta, X, y = found.posterior.hyperparameters.theta[0], plain.X, plain.outcomes.y.numpy() / 10.0
    noise = plain.outcomes.variance.numpy() / 100.0 + found.posterior.hyperparameters.jitter
    x = uniform_draws(2, 40, 3)
    K = kernel_by_the_textbook("matern52", X, X, theta)
    inverse = np.linalg.inv(K + np.diag(noise))
    middle = (inverse @ y).sum() / inverse.sum()

    def mean_at(k: np.ndarray) -> np.ndarray:
        return middle + k @ inverse @ (y - middle)

    k = kernel_by_the_textbook("matern52", x, X, theta)
    variance = 1.0 - (k @ inverse * k).sum(1) + np.median(noise)
    z = (mean_at(k) - mean_at(K).max()) / np.sqrt(variance)
    errors = (inverse @ (y - middle)) / np.sqrt(np.diag(inverse))
    expected = -16.0 * np.maximum(-z - max(3.0, np.abs(errors).max()), 0.0) ** 2
    assert (expected < 0).sum() > 5
    np.testing.assert_allclose(found.log_weight(x).numpy(), expected, rtol=1e-3, atol=1e-3)


def test_the_gradient_is_that_of_the_weight() -> None:
    found, X = opinion_of(told(bowl, 0.5)), uniform_draws(2, 40, 3)
    value, gradient = found.log_weight_and_gradient(X)
    assert value.tolist() == pytest.approx(found.log_weight(X).tolist(), rel=1e-9)
    for j in range(2):
        step = torch.zeros(2, dtype=torch.float64)
        step[j] = 1e-6
        slope = (found.log_weight(X + step) - found.log_weight(X - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, j].numpy(), slope.numpy(), rtol=5e-3, atol=0.1)


def test_it_is_recalled_bit_for_bit() -> None:
    seen, x = told(bowl), uniform_draws(2, 10, 3)
    found = opinion_of(seen)
    again = SecondOpinion.recalled(seen, MODEL, found.posterior.hyperparameters.theta)
    assert again is not None
    assert torch.equal(again.log_weight(x), found.log_weight(x))


def test_hopeless_points_do_not_change_how_the_scores_of_others_are_spread() -> None:
    found, X = opinion_of(told(bowl)), uniform_draws(2, 64, 3)
    score = X.sum(1)
    surface = Surface(lambda x: x.sum(1), lambda x: (x.sum(1), torch.ones_like(x)), lambda x: x.sum(1), torch.ones(2))
    screened = found.over(surface).screen(X)
    assert float(screened.min()) == float(score.min())
    assert torch.equal(screened[found.log_weight(X) == 0.0], score[found.log_weight(X) == 0.0])


def searched(proposer: BayesianProposer, trials: int, seed: int) -> History:
    """Return the trials of one worker on a bowl, measured exactly."""
    campaign = campaign_of(SQUARE, seed=seed, budget={"trials": trials})
    history = history_of(campaign, (start := some_points(campaign, 4, seed)), [bowl(p) for p in start])
    for trial in range(5, trials + 1):
        [proposal] = propose(campaign, history, proposer, 1)
        made = proposed(trial, proposal.point, proposal.generator, proposal.provenance)
        history = history.extended([made, observed(trial, bowl(proposal.point))])
    return history


@pytest.mark.slow
@pytest.mark.parametrize(("proposer", "least", "most"), [(MODEL, 0, 1), (IGNORING, 2, 18)])
def test_late_trials_of_an_exact_bowl_do_not_go_far_unless_hopeless_points_are_tried(proposer, least, most) -> None:
    history = searched(proposer, 36, seed=0)
    assert least <= sum(bowl(history.trials[i].point) > 5.0 for i in range(19, 37)) <= most


def test_the_hyperparameters_of_the_second_model_are_recorded() -> None:
    history = searched(MODEL, 12, seed=0)
    campaign = history.definition
    [proposal] = propose(campaign, history, MODEL, 1)
    assert provenance_of(proposal).models.opinions != {}
    [ignoring] = propose(campaign, history, IGNORING, 1)
    assert provenance_of(ignoring).models.opinions == {}


def test_with_a_target_the_opinion_and_its_gradient_are_about_the_distance() -> None:
    observed = told(bowl, 0.5)
    target = Target(metric="loss", value=0.1)
    found = opinion_of(replace(observed, target=target).with_tail_width(1.0))
    assert not found.finds_hopeless(places((1.0 + 0.1**0.5, 2.0)))
    assert found.finds_hopeless(places((-5.0, -5.0)))
    X = uniform_draws(2, 40, 3)
    value, gradient = found.log_weight_and_gradient(X)
    assert value.tolist() == pytest.approx(found.log_weight(X).tolist(), rel=1e-9)
    for j in range(2):
        step = torch.zeros(2, dtype=torch.float64)
        step[j] = 1e-6
        slope = (found.log_weight(X + step) - found.log_weight(X - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, j].numpy(), slope.numpy(), rtol=5e-3, atol=0.1)
