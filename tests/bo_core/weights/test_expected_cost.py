import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from surrogate_cases import kernel_by_the_textbook
from told_campaigns import (
    MODEL,
    add,
    attempt,
    bowl,
    campaign_of,
    cube,
    defined,
    distance,
    failed,
    observed,
    proposed,
    provenance_of,
    some_points,
)

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.bo_core.search.quasi_random import uniform_draws
from overnight.bo_core.weights.expected_cost import Costs, ExpectedCost, share_of_cost
from overnight.campaign import Campaign, History, Point
from overnight.campaign.history.events import Event

AWARE = MODEL.model_copy(update={"cost_aware": True})


def dear_on_the_right(point: Point) -> float:
    """Cost from 1 to 100 along x0."""
    return 100 ** float(point["x0"])


def story(campaign: Campaign, points: Sequence[Point], cost: Callable[[Point], float | None]) -> History:
    """Return a history of a bowl's values at these points, with their costs."""
    events: list[Event] = [defined(campaign)]
    for i, point in enumerate(points, start=1):
        events += [proposed(i, point), attempt(i), observed(i, bowl(point), cost=cost(point))]
    return History.from_events(events)


def expected(costs: Costs, share: float = 1.0) -> ExpectedCost:
    return ExpectedCost.fitted(costs, share)


def some_costs(d: int, n: int) -> tuple[Costs, torch.Tensor]:
    """Return costs at n points, which grow along the first feature."""
    X = uniform_draws(d, n, 1)
    return Costs(X, 1.0 + 3.0 * X[:, 0] + 0.1 * torch.sin(9.0 * X[:, -1])), X


def test_it_is_the_mean_of_a_log_normal_whose_logarithm_is_regressed_upon_the_others() -> None:
    costs, X = some_costs(2, 9)
    found, x = expected(costs), uniform_draws(2, 5, 2)
    hyperparameters = found.posterior.hyperparameters
    theta, noise = hyperparameters.theta[0], float(hyperparameters.noise_variance)
    logs, K = costs.logs.numpy(), kernel_by_the_textbook("matern52", X, X, theta) + (noise + 1e-8) * np.eye(9)
    mean = np.linalg.solve(K, logs).sum() / np.linalg.solve(K, np.ones(9)).sum()
    k = kernel_by_the_textbook("matern52", x, X, theta)
    middle = mean + k @ np.linalg.solve(K, logs - mean)
    variance = logs.var(ddof=1) * (1.0 - (k * np.linalg.solve(K, k.T).T).sum(1) + noise)
    np.testing.assert_allclose(found.at(x).numpy(), np.exp(middle + 0.5 * variance), rtol=1e-7)


@pytest.mark.parametrize("d", [1, 4])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_the_gradient_is_that_of_the_weight(d: int, share: float) -> None:
    found, x, step = expected(some_costs(d, 15)[0], share), uniform_draws(d, 6, 4), 1e-6
    value, gradient = found.log_weight_and_gradient(x)
    assert torch.allclose(value, found.log_weight(x), rtol=1e-12)
    for j in range(d):
        nudge = step * torch.eye(d, dtype=torch.float64)[j]
        slope = (found.log_weight(x + nudge) - found.log_weight(x - nudge)) / (2 * step)
        assert torch.allclose(gradient[:, j], slope, rtol=1e-5, atol=1e-6)


def test_a_weight_does_not_depend_on_the_unit_that_costs_are_told_in() -> None:
    costs, _ = some_costs(2, 12)
    cents, x = Costs(costs.X, costs.logs + math.log(100.0)), uniform_draws(2, 20, 3)
    assert torch.allclose(expected(costs).log_weight(x), expected(cents).log_weight(x), atol=1e-6)
    assert torch.allclose(expected(costs).at(x) * 100.0, expected(cents).at(x), rtol=1e-6)


@pytest.mark.parametrize(
    "cost",
    [
        pytest.param(lambda _: 7.5, id="equal costs"),
        pytest.param(lambda _: None, id="neither costs nor seconds"),
        pytest.param(lambda point: 2.0 if point["x0"] > 0.8 else None, id="two costs of twelve"),
        pytest.param(lambda _: 0.0, id="nothing costs"),
    ],
)
def test_where_costs_teach_nothing_proposals_are_those_without_them_to_the_last_bit(
    cost: Callable[[Point], float | None],
) -> None:
    campaign = campaign_of(cube(2))
    history = story(campaign, some_points(campaign, 12), cost)
    assert propose(campaign, history, AWARE, 2) == propose(campaign, history, MODEL, 2)


def test_without_being_asked_for_it_nothing_is_recorded_of_costs() -> None:
    campaign = campaign_of(cube(2))
    [proposal] = propose(campaign, story(campaign, some_points(campaign, 12), dear_on_the_right), MODEL, 1)
    provenance = provenance_of(proposal)
    assert (provenance.weights.predicted_cost, provenance.models.cost) == (None, None)


def test_the_cost_that_was_expected_is_recorded_and_about_what_it_is() -> None:
    campaign = campaign_of(cube(2))
    [proposal] = propose(campaign, story(campaign, some_points(campaign, 15), dear_on_the_right), AWARE, 1)
    assert provenance_of(proposal).weights.predicted_cost == pytest.approx(dear_on_the_right(proposal.point), rel=0.2)


def test_where_no_evaluation_tells_a_cost_the_seconds_are_the_costs() -> None:
    campaign = campaign_of(cube(2))
    events: list[Event] = [defined(campaign)]
    for i, point in enumerate(some_points(campaign, 12), start=1):
        events += [proposed(i, point), attempt(i), observed(i, bowl(point), seconds=dear_on_the_right(point))]
    told = story(campaign, some_points(campaign, 12), dear_on_the_right)
    by_seconds, by_costs = (propose(campaign, history, AWARE, 1) for history in (History.from_events(events), told))
    assert by_seconds == by_costs


def valleys(point: Point) -> float:
    """Return a loss with three equally deep valleys along x0."""
    return math.cos(6 * math.pi * float(point["x0"])) + 4 * (float(point["x1"]) - 0.6) ** 2


def spent_until(loss: Callable[[Point], float], target: float, proposer: BayesianProposer, seed: int) -> float:
    """Return one worker's cost after eight points until a loss is below the target; infinite after 30 trials."""
    campaign = campaign_of(cube(2))
    events: list[Event] = [defined(campaign)]
    for i, point in enumerate(some_points(campaign, 8, seed), start=1):
        events += [proposed(i, point), attempt(i), observed(i, loss(point), cost=dear_on_the_right(point))]
    history, spent = History.from_events(events), 0.0
    for _ in range(30):
        [proposal] = propose(campaign, history, proposer, 1)
        trial, cost = history.next_trial, dear_on_the_right(proposal.point)
        spent += cost
        if loss(proposal.point) < target:
            return spent
        history = add(history, [proposal]).extended([attempt(trial), observed(trial, loss(proposal.point), cost=cost)])
    return math.inf


def test_the_total_cost_of_reaching_a_target_is_lower_where_a_cheap_point_reaches_it() -> None:
    aware, blind = (
        sum(spent_until(valleys, -0.95, proposer, seed) for seed in range(4)) for proposer in (AWARE, MODEL)
    )
    assert aware < 0.7 * blind


def test_a_dear_optimum_is_still_found() -> None:
    def loss(point: Point) -> float:
        return distance(point, {"x0": 0.85, "x1": 0.4}) ** 2

    assert spent_until(loss, 0.001, AWARE, 0) < math.inf


def test_costs_count_for_the_share_of_their_budget_that_is_left() -> None:
    points = some_points(campaign_of(cube(2)), 4)
    for budget, expected_share in [(None, 1.0), (8.0, 0.5), (16.0, 0.75), (4.0, 0.0)]:
        campaign = campaign_of(cube(2), budget={"trials": 100, "cost": budget})
        history = story(campaign, points, lambda _: 1.0)
        assert share_of_cost(campaign, history, AWARE) == expected_share
        assert share_of_cost(campaign, history, MODEL) == 0.0


def test_where_the_budget_of_cost_is_spent_costs_count_no_more() -> None:
    points = some_points(campaign_of(cube(2)), 12)
    campaign = campaign_of(cube(2), budget={"trials": 100, "cost": 10.0})
    history = story(campaign, points, dear_on_the_right)
    assert propose(campaign, history, AWARE, 1) == propose(campaign, history, MODEL, 1)


def test_failures_and_costs_weigh_together() -> None:
    campaign = campaign_of(cube(2))
    points = some_points(campaign, 14)
    history = story(campaign, points[:12], dear_on_the_right).extended(
        [proposed(13, points[12]), failed(13), proposed(14, points[13]), failed(14)]
    )
    provenance = provenance_of(propose(campaign, history, AWARE, 1)[0])
    assert provenance.weights.probability_feasible is not None
    assert provenance.weights.predicted_cost is not None


def test_what_is_recommended_in_the_end_does_not_depend_on_costs() -> None:
    campaign = campaign_of(cube(2))
    history = story(campaign, some_points(campaign, 12), dear_on_the_right)
    assert recommend(campaign, history, AWARE) == recommend(campaign, history, MODEL)


@pytest.mark.parametrize(("dear", "repeated"), [("right", 1), ("left", 7)])
def test_of_two_equal_points_the_cheaper_one_is_measured_again(dear: str, repeated: int) -> None:
    campaign = campaign_of({"a": {"kind": "int", "low": 1, "high": 7}})
    events: list[Event] = [defined(campaign)]
    for i, a in enumerate((1, 7, 2, 6, 3, 5), start=1):
        cost = 1.0 + 10.0 * (a - 1 if dear == "right" else 7 - a)
        events += [proposed(i, {"a": a}), attempt(i), observed(i, -abs(a - 4.0), sem=0.5, cost=cost)]
    proposer = AWARE.model_copy(update={"replication": "always"})
    [found] = propose(campaign, History.from_events(events), proposer, 1)
    assert provenance_of(found).chosen.acquisition == "replication"
    assert found.point == {"a": repeated}


@pytest.mark.parametrize("acquisition", ["upper_confidence_bound", "thompson_sampling", "simple_regret"])
def test_an_acquisition_without_a_gain_that_costs_could_divide_is_refused(acquisition: str) -> None:
    with pytest.raises(ValueError, match=f"expected false with `acquisition: {acquisition}`"):
        BayesianProposer.model_validate({"acquisition": acquisition, "cost_aware": True})


def test_what_stands_in_with_another_acquisition_does_not_reckon_with_costs() -> None:
    campaign = campaign_of(cube(2))
    history = story(campaign, some_points(campaign, 12), dear_on_the_right)
    thompson = AWARE.model_copy(update={"acquisition": "thompson_sampling"})
    assert propose(campaign, history, thompson, 1) == propose(
        campaign, history, thompson.model_copy(update={"cost_aware": False}), 1
    )
