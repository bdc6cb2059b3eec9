"""Readings that need noise of their own are found, even if they hide one another."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal, norm
from told_campaigns import bowl, campaign_of, cube, history_of, observed_by, some_points

from overnight.bo_core.data.state import Observed
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.surrogate import Prior
from overnight.bo_core.suspects.believed import Believed, gains
from overnight.bo_core.suspects.pursuit import PRICE, Pursuit

SPACE = campaign_of(cube(2))
PROPOSER = BayesianProposer(outliers="doubt", tails="plain")


def measured(count: int, errors: dict[int, float], seed: int = 0) -> Observed:
    """Return readings of a noisy bowl, some of them with errors."""
    rng, points = np.random.default_rng(seed), some_points(SPACE, count, seed)
    means = [bowl(p) + 0.02 * rng.standard_normal() + errors.get(i, 0.0) for i, p in enumerate(points)]
    return observed_by(SPACE, history_of(SPACE, points, means).model_view())


def pursued(observed: Observed, places: Sequence[int] | None = None) -> Believed:
    return Pursuit(observed, PROPOSER, range(len(observed.trials)) if places is None else places).best()


def matern52(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    r = math.sqrt(5.0) * cdist(X, Y)
    return (1.0 + r + r**2 / 3.0) * np.exp(-r)


def test_the_value_is_the_density_with_the_likeliest_noise_of_the_doubted_reading() -> None:
    observed = measured(12, {4: -1.0})
    found = Believed.of(observed, PROPOSER, (4,))
    y = np.array([-m.mean for m in observed.measured])
    rows, X = list(found.rows), observed.X.numpy() / np.exp(found.theta[:2])
    center, scale = y[rows].mean(), y[rows].std(ddof=1)
    z, noise = (y - center) / scale, math.exp(found.theta[2])
    K = matern52(X, X)
    noisy = K[np.ix_(rows, rows)] + (noise + 1e-8) * np.eye(len(rows))
    weights = np.linalg.solve(noisy, np.ones(len(rows)))
    mean = float(weights @ z[rows] / weights.sum())
    residual = z[4] - mean - K[4, rows] @ np.linalg.solve(noisy, z[rows] - mean)
    variance = 1.0 + noise - K[4, rows] @ np.linalg.solve(noisy, K[rows, 4])
    own = minimize_scalar(lambda rho: -norm.logpdf(residual, scale=math.sqrt(variance + rho)), bounds=(0.0, 1e4))
    prior, _ = Prior(2).log_density(found.theta[None])
    density = multivariate_normal.logpdf(z[rows], np.full(len(rows), mean), noisy) - float(own.fun)
    assert found.value == pytest.approx(density + float(prior[0]) - 12 * math.log(scale), abs=1e-5)
    assert float(found.off[0]) == pytest.approx(residual / math.sqrt(variance), rel=1e-5)
    assert float(found.beyond[0]) == pytest.approx(residual / math.sqrt(1.0 + noise), rel=1e-5)
    assert float(found.explained[0]) == pytest.approx(1.0 - (variance - noise), abs=1e-5)
    gained = -float(own.fun) - norm.logpdf(residual, scale=math.sqrt(variance))
    assert float(gains(found.off)[0]) == pytest.approx(gained, abs=1e-5)


@pytest.mark.parametrize("errors", [{}, {3: -1.5}, {3: 1.5}, {3: -1.5, 9: -1.4}, {3: -1.5, 9: 1.4}])
def test_no_other_choice_of_few_readings_is_better(errors) -> None:
    observed = measured(16, errors)
    choices = [chosen for k in range(3) for chosen in combinations(range(16), k)]
    value = {chosen: Believed.of(observed, PROPOSER, chosen).value - PRICE * len(chosen) for chosen in choices}
    found = pursued(observed)
    assert found.doubted == tuple(errors)
    assert value[found.doubted] == max(value.values())


def test_readings_that_hide_one_another_are_all_found() -> None:
    errors = dict.fromkeys((2, 7, 11, 16, 22), -1.5)
    observed = measured(30, errors)
    alone = Believed.of(observed, PROPOSER)
    assert float(gains(alone.left_out).max()) < PRICE
    assert pursued(observed).doubted == tuple(errors)


def test_repetitions_that_agree_are_believed_and_of_two_that_do_not_one_is() -> None:
    points = some_points(SPACE, 14)
    means = [bowl(p) + 0.01 * (-1) ** i for i, p in enumerate(points)]
    places = [*range(14), 5]

    def with_readings_of_one(first: float, second: float) -> tuple[int, ...]:
        values = [*means, second]
        values[5] = first
        observed = observed_by(SPACE, history_of(SPACE, [*points, points[5]], values).model_view())
        return pursued(observed, places).doubted

    assert with_readings_of_one(-1.5, -1.52) == ()
    assert with_readings_of_one(-1.5, means[5]) == (5,)
    assert with_readings_of_one(means[5], -1.5) == (14,)


@pytest.mark.parametrize("side_by_side", [1, 2])
def test_glitches_side_by_side_are_doubted_like_one_alone(side_by_side) -> None:
    points, rng = some_points(SPACE, 20), np.random.default_rng(0)
    values = [bowl(p) + 0.02 * rng.standard_normal() for p in points] + [-1.5, -1.45][:side_by_side]
    points += [{"x0": 0.8, "x1": 0.83}, {"x0": 0.81, "x1": 0.82}][:side_by_side]
    observed = observed_by(SPACE, history_of(SPACE, points, values).model_view())
    assert pursued(observed).doubted == tuple(range(20, 20 + side_by_side))


@pytest.mark.parametrize("error", [-0.45, 0.35])
def test_an_error_that_is_usual_without_neighbours_is_believed_until_a_repetition_refutes_it(error) -> None:
    clean = measured(20, {})
    wrong, doubting = measured(20, {4: error}), Believed.of(measured(20, {4: error}), PROPOSER, (4,))
    y = np.array([m.mean for i, m in enumerate(clean.measured) if i != 4])
    assert abs(error) < 2.5 * y.std(ddof=1)
    assert float(gains(doubting.off)[0]) > PRICE
    assert pursued(wrong).doubted == ()
    points = [trial.point for trial in wrong.trials]
    values = [*(m.mean for m in wrong.measured), clean.measured[4].mean]
    repeated = observed_by(SPACE, history_of(SPACE, [*points, points[4]], values).model_view())
    assert pursued(repeated, [*range(20), 4]).doubted == (4,)


@pytest.mark.parametrize("seed", [1, 2, 3, 5])
def test_glitches_that_hide_one_another_completely_are_found_if_some_are_known(seed) -> None:
    rows = sorted(np.random.default_rng(seed).choice(30, 5, replace=False).tolist())
    pursuit = Pursuit(measured(30, dict.fromkeys(rows, -1.5), seed), PROPOSER, range(30))
    assert pursuit.best().doubted == ()
    assert pursuit.best(rows[:3]).doubted == tuple(rows)


def test_results_that_are_wrongly_thought_to_be_known_are_believed() -> None:
    assert Pursuit(measured(30, {}), PROPOSER, range(30)).best([3, 9]).doubted == ()


def test_estimates_are_never_doubted() -> None:
    observed = measured(14, {13: -1.5})
    assert pursued(observed).doubted == (13,)
    assert pursued(observed, range(13)).doubted == ()


def test_known_standard_errors_count() -> None:
    points = some_points(SPACE, 14)
    means = [bowl(p) for p in points]
    means[6] -= 1.0

    def doubted_if_known(sem: float) -> tuple[int, ...]:
        sems = [0.02] * 14
        sems[6] = sem
        return pursued(observed_by(SPACE, history_of(SPACE, points, means, sems).model_view())).doubted

    assert doubted_if_known(0.02) == (6,)
    assert doubted_if_known(0.6) == ()


def test_earlier_suspects_hold_as_long_as_nothing_is_left_to_explain() -> None:
    observed = measured(20, {4: -1.5, 12: 1.5})
    pursuit = Pursuit(observed, PROPOSER, range(20))
    found = pursuit.best()
    held = pursuit.holds(found.doubted, found.theta)
    assert held is not None
    assert torch.equal(held.off, found.off)
    assert pursuit.holds((4,), found.theta) is None
    assert pursuit.holds((4, 5, 12), found.theta) is None


def test_a_bad_reading_is_believed_if_three_others_are_as_bad() -> None:
    spread = (2, 8, 13)
    assert pursued(measured(30, dict.fromkeys(spread, 2.0))).doubted == spread
    points, rng = some_points(SPACE, 30), np.random.default_rng(0)
    beyond = [p for p in points if float(p["x0"]) > 0.8]
    values = [
        bowl(p) + 0.02 * rng.standard_normal() + (2.0 if p in beyond or i in spread else 0.0)
        for i, p in enumerate(points)
    ]
    assert len(beyond) > 3
    assert pursued(observed_by(SPACE, history_of(SPACE, points, values).model_view())).doubted == ()
