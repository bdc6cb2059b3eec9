"""The judge of the speed benchmark agrees with closed forms and with plain sampling."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import lognorm, multivariate_normal

from benchmarks.speed.judge import Fit, Judge, shortfalls
from benchmarks.speed.problem import Cell, problem_of, standardised


def kernel(A, B, scales):
    return np.exp(-0.5 * (((A[:, None] - B[None]) / scales) ** 2).sum(-1))


@pytest.fixture
def problem():
    return problem_of(Cell(12, 6, 2, 2), seed=3)


@pytest.fixture
def fit():
    return Fit([0.4, 0.9, 3.0, 0.6, 1.1, 0.5], noise=0.02)


def generalised_least_squares_mean(problem, fit):
    K = kernel(problem.X, problem.X, np.array(fit.lengthscales)) + fit.noise * np.eye(len(problem.X))
    weights = np.linalg.solve(K, np.ones(len(K)))
    return float(weights @ standardised(problem.y) / weights.sum())


def closed_form(problem, fit, mean):
    d, n, scales = problem.cell.d, len(problem.X), np.array(fit.lengthscales)
    K = kernel(problem.X, problem.X, scales) + fit.noise * np.eye(n)
    likelihood = multivariate_normal(np.full(n, mean), K).logpdf(standardised(problem.y))
    priors = lognorm(math.sqrt(3), scale=math.exp(math.sqrt(2) + 0.5 * math.log(d))).logpdf(scales).sum()
    priors += lognorm(1.0, scale=math.exp(-4.0)).logpdf(fit.noise)
    return (likelihood + priors) / n


def test_a_fit_is_judged_by_the_likelihood_and_priors_that_a_closed_form_gives(problem, fit):
    mean = generalised_least_squares_mean(problem, fit)
    assert Judge(problem).objective(fit) == pytest.approx(closed_form(problem, fit, mean), abs=1e-6)


def test_a_mean_that_a_contestant_reports_is_the_one_that_is_judged(problem, fit):
    judged = Judge(problem).objective(Fit(fit.lengthscales, fit.noise, mean=0.3))
    assert judged == pytest.approx(closed_form(problem, fit, 0.3), abs=1e-6)


def test_no_other_mean_does_better_than_the_one_that_is_profiled_out(problem, fit):
    judge, best = Judge(problem), generalised_least_squares_mean(problem, fit)
    for other in (best - 0.05, best + 0.05):
        assert judge.objective(Fit(fit.lengthscales, fit.noise, other)) < judge.objective(fit)


def test_a_noise_on_its_bound_can_be_judged(problem, fit):
    assert math.isfinite(Judge(problem).objective(Fit(fit.lengthscales, noise=1e-4)))


def test_a_batch_is_judged_by_what_it_adds_to_the_observed_and_the_pending_points(problem, fit):
    """The oracle draws the latent function with NumPy and averages the improvement."""
    scales, n = np.array(fit.lengthscales), len(problem.X)
    mean = generalised_least_squares_mean(problem, fit)
    batch = np.array([[0.2, 0.15, 0.48, 0.28, 0.31, 0.66], [0.5] * 6])
    points = np.concatenate([problem.X, problem.pending, batch])
    solve = np.linalg.solve(
        kernel(problem.X, problem.X, scales) + fit.noise * np.eye(n), kernel(problem.X, points, scales)
    )
    mu = mean + solve.T @ (standardised(problem.y) - mean)
    covariance = kernel(points, points, scales) - kernel(points, problem.X, scales) @ solve
    f = np.random.default_rng(0).multivariate_normal(mu, covariance, size=200_000, method="eigh")
    improvement = np.maximum(f[:, -2:].max(1) - f[:, :-2].max(1), 0.0)
    judged = Judge(problem).batch_values(fit, {"ours": batch})["ours"]
    assert judged == pytest.approx(math.log(improvement.mean()), abs=0.03)


def test_equal_batches_get_equal_values_and_the_global_generator_is_left_alone(problem, fit):
    before = torch.random.get_rng_state()
    batch = np.array([[0.4] * 6, [0.7] * 6])
    values = Judge(problem, samples=256).batch_values(fit, {"one": batch, "other": batch})
    assert values["one"] == values["other"]
    assert torch.equal(before, torch.random.get_rng_state())


def test_shortfalls_are_counted_from_the_highest():
    assert shortfalls({"a": -1.0, "b": -1.5}) == {"a": 0.0, "b": 0.5}
