from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from scipy.stats import norm
from surrogate_cases import kernel_by_the_textbook
from told_campaigns import (
    MODEL,
    add,
    bowl,
    campaign_of,
    cube,
    defined,
    distance,
    failed,
    observed,
    proposed,
    some_points,
)
from torch import Tensor

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.bo_core.search.quasi_random import uniform_draws
from overnight.bo_core.weights.feasibility import Feasibility
from overnight.campaign import Campaign, History, Point
from overnight.campaign.evaluation import Cause
from overnight.campaign.history.events import Event

IGNORING = MODEL.model_copy(update={"feasibility": "ignore"})


def learnt(works: Callable[[Tensor], Tensor], d: int, n: int) -> tuple[Feasibility, Tensor]:
    """Return the feasibility learnt from n points, some of which work, and the probabilities at 1,000 others."""
    X, others = uniform_draws(d, n, 1), uniform_draws(d, 1000, 2)
    good = works(X)
    found = Feasibility.fitted(X[good], X[~good])
    assert found is not None
    return found, found.log_probability(others).exp()


def story(campaign: Campaign, points: Sequence[Point], works: Callable[[Point], bool], cause: Cause) -> History:
    """Return a history in which the points that do not work failed."""
    events: list[Event] = [defined(campaign)]
    for i, point in enumerate(points, start=1):
        events += [proposed(i, point), observed(i, bowl(point)) if works(point) else failed(i, cause)]
    return History.from_events(events)


def went_on(campaign: Campaign, proposer: BayesianProposer, works: Callable[[Point], bool], count: int) -> list[Point]:
    """Return the points of `count` successive proposals after six evenly spread points."""
    history = story(campaign, some_points(campaign, 6), works, "configuration")
    found: list[Point] = []
    for _ in range(count):
        [proposal] = propose(campaign, history, proposer, 1)
        trial, point = history.next_trial, proposal.point
        found.append(point)
        end = observed(trial, bowl(point)) if works(point) else failed(trial, "configuration")
        history = add(history, [proposal]).extended([end])
    return found


def test_it_is_the_probability_that_a_noisy_label_regressed_upon_the_others_is_positive() -> None:
    X, x = uniform_draws(3, 12, 1), uniform_draws(3, 5, 2)
    found = Feasibility.fitted(X[:8], X[8:])
    assert found is not None
    hyperparameters = found.posterior.hyperparameters
    theta, noise = hyperparameters.theta[0], float(hyperparameters.noise_variance)
    y, K = np.repeat([1.0, -1.0], [8, 4]), kernel_by_the_textbook("matern52", X, X, theta) + (noise + 1e-8) * np.eye(12)
    mean = np.linalg.solve(K, y).sum() / np.linalg.solve(K, np.ones(12)).sum()
    k = kernel_by_the_textbook("matern52", x, X, theta)
    variance = 1.0 - (k * np.linalg.solve(K, k.T).T).sum(1)
    v = (mean + k @ np.linalg.solve(K, y - mean)) / np.sqrt(variance + noise)
    np.testing.assert_allclose(found.log_probability(x).numpy(), norm.logcdf(v), rtol=1e-9)


@pytest.mark.parametrize("d", [1, 4])
def test_the_gradient_is_that_of_the_logarithm(d: int) -> None:
    X = uniform_draws(d, 20, 3)
    good = X[:, 0] < 0.4
    found = Feasibility.fitted(X[good], X[~good])
    assert found is not None
    x = uniform_draws(d, 6, 4)
    value, gradient = found.log_probability_and_gradient(x)
    assert torch.allclose(value, found.log_probability(x), rtol=1e-12)
    step = 1e-6
    for j in range(d):
        nudge = step * torch.eye(d, dtype=torch.float64)[j]
        slope = (found.log_probability(x + nudge) - found.log_probability(x - nudge)) / (2 * step)
        assert torch.allclose(gradient[:, j], slope, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("d", "n"), [(2, 20), (6, 40), (6, 200)])
def test_a_half_that_fails_is_told_from_the_other(d: int, n: int) -> None:
    _, probability = learnt(lambda X: X[:, 0] < 0.5, d, n)
    works = uniform_draws(d, 1000, 2)[:, 0] < 0.5
    assert probability[works].mean() > 0.85
    assert probability[~works].mean() < 0.15


@pytest.mark.parametrize("d", [2, 6])
@pytest.mark.parametrize("n", [10, 30, 150])
def test_one_failure_among_points_that_worked_shuts_out_little_of_the_space(d: int, n: int) -> None:
    _, probability = learnt(lambda X: torch.arange(len(X)) != len(X) // 2, d, n)
    assert (probability < 0.5).double().mean() < 0.15
    assert probability.mean() > 0.8


@pytest.mark.parametrize("n", [60, 300])
def test_failures_that_follow_no_pattern_leave_the_rate_of_success_everywhere(n: int) -> None:
    def works(X: Tensor) -> Tensor:
        return torch.rand(len(X), generator=torch.Generator().manual_seed(5)) > 0.1

    _, probability = learnt(works, 2, n)
    rate = works(uniform_draws(2, n, 1)).double().mean()
    assert (probability - rate).abs().max() < 0.15


def test_points_that_contradict_each_other_leave_finite_numbers() -> None:
    X = torch.tensor([[0.5, 0.5]] * 3 + [[0.2, 0.8], [0.5, 0.5 + 1e-12]], dtype=torch.float64)
    found = Feasibility.fitted(X, torch.cat([X[:2], X[:1] + 1e-9]))
    assert found is not None
    value, gradient = found.log_probability_and_gradient(torch.cat([X, uniform_draws(2, 50, 0)]))
    assert bool(value.isfinite().all())
    assert bool(gradient.isfinite().all())


@pytest.mark.parametrize("cause", ["infrastructure", "cancelled"])
def test_where_no_point_failed_by_its_own_fault_proposals_are_those_without_it_to_the_last_bit(cause: Cause) -> None:
    campaign = campaign_of(cube(2))
    history = story(campaign, some_points(campaign, 10), lambda point: float(point["x0"]) < 0.7, cause)
    proposals = propose(campaign, history, MODEL, 2)
    assert history.model_view().failed
    assert proposals == propose(campaign, history, IGNORING, 2)
    assert all(p.provenance is not None and p.provenance.weights.probability_feasible is None for p in proposals)


def test_proposals_keep_to_the_half_that_works_once_the_other_was_seen_to_fail() -> None:
    campaign = campaign_of(cube(2))

    def works(point: Point) -> bool:
        return float(point["x0"]) < 0.5

    steered, blind = (
        sum(not works(p) for p in went_on(campaign, proposer, works, 15)) for proposer in (MODEL, IGNORING)
    )
    assert steered <= 4
    assert steered < blind


def test_an_optimum_beside_failures_is_still_found() -> None:
    campaign = campaign_of(cube(2))
    points = went_on(campaign, MODEL, lambda point: float(point["x0"]) < 0.33, 15)
    best = min((p for p in points if float(p["x0"]) < 0.33), key=bowl)
    assert distance(best, {"x0": 0.3, "x1": 0.3}) < 0.05


def test_where_nearly_everything_failed_the_next_points_are_spread() -> None:
    campaign = campaign_of(cube(2))
    points = some_points(campaign, 20)
    history = story(campaign, points, lambda point: point in points[:2], "configuration")
    batch = [p.point for p in propose(campaign, history, MODEL, 4)]
    assert min(distance(a, b) for i, a in enumerate(batch) for b in batch[:i]) > 0.01
    assert min(distance(a, b) for a in batch for b in points) > 0.01


def test_what_is_pending_says_nothing_of_it() -> None:
    campaign = campaign_of(cube(2))
    points = some_points(campaign, 12)
    history = story(campaign, points[:10], lambda point: float(point["x0"]) < 0.5, "timeout")
    waiting = history.extended([proposed(11, points[10]), proposed(12, points[11])])
    found = [propose(campaign, each, MODEL, 1)[0].provenance for each in (history, waiting)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].models.feasibility is not None
    assert found[0].models.feasibility == found[1].models.feasibility


@pytest.mark.parametrize(
    "acquisition", ["upper_confidence_bound", "thompson_sampling", "log_probability_of_improvement"]
)
def test_other_acquisitions_are_steered_too(acquisition: str) -> None:
    campaign = campaign_of(cube(2))
    proposer = MODEL.model_copy(update={"acquisition": acquisition})

    def works(point: Point) -> bool:
        return float(point["x0"]) < 0.5

    assert sum(not works(point) for point in went_on(campaign, proposer, works, 12)) <= 4


def test_a_recommendation_of_any_point_of_the_space_is_not_one_that_is_believed_to_fail() -> None:
    campaign = campaign_of(cube(2))

    def works(point: Point) -> bool:
        return abs(float(point["x0"]) - 0.3) > 0.08

    history = story(campaign, some_points(campaign, 60), works, "infeasible")
    there, blind = (recommend(campaign, history, proposer) for proposer in (MODEL, IGNORING))
    assert there is not None
    assert blind is not None
    # The bowl's bottom, at 0.3, lies in the region in which everything fails.
    assert not works(blind.point)
    assert works(there.point)
