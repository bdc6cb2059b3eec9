import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm
from surrogate_cases import central_differences, kernel_by_the_textbook, uniform
from torch import Tensor

from overnight.bo_core.surrogate import Hyperparameters, LogPosterior, Posterior, Prior, TrainingData, fit
from overnight.bo_core.surrogate.errors import Shortfall
from overnight.bo_core.surrogate.errors.lower import Lower
from overnight.bo_core.surrogate.hyperparameters import errors_of_record, theta_of_record

D, JITTER = 2, 1e-8
MISSING = (0.0, 1.0, 0.5, 0.0, 0.25, 1.0, 0.75, 0.0, 1.0, 0.5)
# The first trials of the runs of these outcomes; −1 is a run of its own.
RUNS = (-1, 3, 3, -1, 3, 5, 5, -1, -1, -1)


def at_fidelities(seed: int = 0, *, extra: bool = False, runs: bool = False) -> TrainingData:
    missing, generator = torch.tensor(MISSING, dtype=torch.float64), torch.Generator().manual_seed(seed)
    X = uniform(len(missing), D, seed + 1)
    X[1] = X[0]
    y = torch.randn(len(missing), generator=generator, dtype=torch.float64) + 2.0 * missing
    known = 0.02 + 0.1 * torch.rand(len(missing), generator=generator, dtype=torch.float64)
    of_runs = torch.tensor(RUNS) if runs else None
    return TrainingData.of(X, y, known, extra_noise=extra, missing=missing, runs=of_runs)


def some_sets(count: int = 2, *, warped: bool = False) -> Tensor:
    generator, of_errors = (
        torch.Generator().manual_seed(3),
        [math.log(0.4), math.log(2.0), math.log(0.1), math.log(1.3)],
    )
    theta = torch.tensor([math.log(0.5)] * D + [math.log(0.05), *of_errors] + [0.2] * (2 * D * warped))
    return theta + 0.3 * torch.randn(count, len(theta), generator=generator, dtype=torch.float64)


def sets_of(theta: Tensor) -> Hyperparameters:
    return Hyperparameters(theta, D, "matern52", JITTER, errors="shortfall")


def prior_covariance(
    A: Tensor,
    of_A: np.ndarray,
    B: Tensor,
    of_B: np.ndarray,
    theta: Tensor,
    runs: tuple[Sequence[int], Sequence[int]] | None = None,
) -> np.ndarray:
    """Return the covariance of outcomes without noise at two lists of points, written out pair by pair."""
    beta, trend, scatter, p = (math.exp(float(each)) for each in theta[D + 1 : D + 5])
    k = kernel_by_the_textbook("matern52", A, B, torch.cat([theta[: D + 1], theta[D + 5 :]]))
    found = np.empty_like(k)
    for i, one in enumerate(of_A):
        for j, other in enumerate(of_B):
            found[i, j] = k[i, j] * (1.0 + beta * one**p * other**p) + trend * one**p * other**p
            itself = A is B and i == j
            same_run = runs is not None and runs[0][i] == runs[1][j] >= 0
            found[i, j] += scatter * min(one**p, other**p) ** 2 * (itself or same_run)
    return found


def of_data(data: TrainingData, theta: Tensor) -> np.ndarray:
    assert isinstance(data.errors, Shortfall)
    missing = data.errors.missing.numpy()
    noise = (data.known + data.inferred * theta[D].exp()).numpy() / data.count.numpy() + JITTER
    runs = None if data.errors.runs is None else data.errors.runs.tolist()
    both = None if runs is None else (runs, runs)
    return prior_covariance(data.X, missing, data.X, missing, theta, both) + np.diag(noise)


def mean_by_the_textbook(K: np.ndarray, y: Tensor) -> float:
    weights = np.linalg.solve(K, np.ones(len(K)))
    return float(weights @ y.numpy() / weights.sum())


@pytest.mark.parametrize("warped", [False, True])
def test_beliefs_at_any_fidelity_are_those_of_a_dense_gaussian(warped: bool) -> None:
    data, theta, X = at_fidelities(extra=True), some_sets(warped=warped), uniform(5, D, 9)
    assert isinstance(data.errors, Shortfall)
    missing = torch.tensor([0.0, 0.3, 1.0, 0.0, 0.6], dtype=torch.float64)
    posterior = Posterior.of(data, sets_of(theta))
    means, covariances = Lower.of(posterior).joint(X, missing)
    at_target, of_target = posterior.joint(X)
    for i, each in enumerate(theta):
        K, known = of_data(data, each), data.errors.missing.numpy()
        m = mean_by_the_textbook(K, data.y)
        for found, spread, at in ((means, covariances, missing.numpy()), (at_target, of_target, np.zeros(5))):
            k = prior_covariance(X, at, data.X, known, each)
            np.testing.assert_allclose(found[i], m + k @ np.linalg.solve(K, data.y.numpy() - m), rtol=0, atol=1e-10)
            expected = prior_covariance(X, at, X, at, each) - k @ np.linalg.solve(K, k.T)
            np.testing.assert_allclose(spread[i], expected, rtol=0, atol=1e-10)


def test_beliefs_about_further_outcomes_of_runs_are_those_of_a_dense_gaussian() -> None:
    data, [theta], X = at_fidelities(extra=True, runs=True), some_sets(1), uniform(5, D, 9)
    assert isinstance(data.errors, Shortfall)
    runs, missing = [3, 3, 8, 8, -1], torch.tensor([0.3, 0.1, 0.7, 0.2, 0.5], dtype=torch.float64)
    mean, covariance = Lower.of(Posterior.of(data, sets_of(theta[None]))).joint(X, missing, torch.tensor(runs))
    K, at, known = of_data(data, theta), missing.numpy(), data.errors.missing.numpy()
    m = mean_by_the_textbook(K, data.y)
    k = prior_covariance(X, at, data.X, known, theta, (runs, RUNS))
    np.testing.assert_allclose(mean[0], m + k @ np.linalg.solve(K, data.y.numpy() - m), rtol=0, atol=1e-10)
    expected = prior_covariance(X, at, X, at, theta, (runs, runs)) - k @ np.linalg.solve(K, k.T)
    np.testing.assert_allclose(covariance[0], expected, rtol=0, atol=1e-10)


def test_an_earlier_outcome_of_a_run_adds_nothing_to_a_later_exact_one_if_points_have_no_discrepancy() -> None:
    X, y = uniform(1, D, 4).repeat(2, 1), torch.tensor([-3.0, 0.4], dtype=torch.float64)
    missing, exact = torch.tensor([1.0, 0.25], dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    theta = some_sets(1)
    theta[:, D + 1 : D + 3] = math.log(1e-9)
    both = TrainingData.of(X, y, exact, missing=missing, runs=torch.tensor([1, 1]))
    later = TrainingData.of(X[1:], y[1:], exact[1:], missing=missing[1:], runs=torch.tensor([1]))
    apart = TrainingData.of(X, y, exact, missing=missing)
    of_both, of_later, of_apart = (Posterior.of(data, sets_of(theta)) for data in (both, later, apart))
    sd_of_both, sd_of_later, sd_of_apart = (float(each.marginal(X[:1])[1]) for each in (of_both, of_later, of_apart))
    assert sd_of_both == pytest.approx(sd_of_later, rel=1e-6)
    assert sd_of_apart < 0.999 * sd_of_later


@pytest.mark.parametrize("runs", [False, True])
@pytest.mark.parametrize("warped", [False, True])
def test_the_density_and_its_gradient_are_those_of_a_dense_gaussian_with_lower_fidelities(
    warped: bool, runs: bool
) -> None:
    data, theta = at_fidelities(extra=True, runs=runs), some_sets(3, warped=warped)
    prior = Prior(D, warped=warped, errors="shortfall")
    density = LogPosterior(data, "matern52", prior, jitter=JITTER)
    value, gradient = density(theta.numpy())
    for found, each in zip(value, theta, strict=True):
        K = of_data(data, each)
        m = mean_by_the_textbook(K, data.y)
        expected = multivariate_normal.logpdf(data.y.numpy(), np.full(len(K), m), K)  # pyright: ignore
        expected += norm.logpdf(each.numpy(), prior.location, prior.spread).sum()
        assert found == pytest.approx(expected, abs=1e-9)
    expected = central_differences(lambda at: torch.from_numpy(density(at.numpy())[0]), theta, 1e-3)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kernel", ["matern52", "rbf"])
def test_the_gradient_holds_for_each_kernel(kernel: str) -> None:
    density = LogPosterior(at_fidelities(), kernel, Prior(D, errors="shortfall"), jitter=JITTER)  # pyright: ignore
    theta = some_sets(1)
    expected = central_differences(lambda at: torch.from_numpy(density(at.numpy())[0]), theta, 1e-3)
    np.testing.assert_allclose(density(theta.numpy())[1], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("runs", [False, True])
def test_the_information_about_a_shortfall_is_that_of_finite_differences_of_the_covariance(runs: bool) -> None:
    data, theta = at_fidelities(extra=True, runs=runs), some_sets(1)
    density = LogPosterior(data, "matern52", Prior(D, errors="shortfall"), jitter=JITTER)
    K_inverse, changes = np.linalg.inv(of_data(data, theta[0])), []
    for j in range(theta.shape[1]):
        e = torch.zeros_like(theta[0])
        e[j] = 1e-5
        up, down = (of_data(data, theta[0] + s * e) for s in (1.0, -1.0))
        changes.append(K_inverse @ (up - down) / 2e-5)
    expected = [[0.5 * np.trace(a @ b) for b in changes] for a in changes]
    np.testing.assert_allclose(density.information(theta), expected, rtol=1e-6, atol=1e-8)


def test_repeats_are_pooled_only_at_the_same_fidelity() -> None:
    X = torch.full((4, D), 0.5, dtype=torch.float64)
    y, missing = torch.tensor([1.0, 3.0, 5.0, 7.0]), torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=torch.float64)
    data = TrainingData.of(X, y, torch.full_like(y, torch.nan), missing=missing)
    assert isinstance(data.errors, Shortfall)
    assert data.y.tolist() == [2.0, 6.0]
    assert data.errors.missing.tolist() == [0.0, 1.0]


def test_outcomes_of_different_runs_are_not_pooled() -> None:
    X, y = torch.full((3, D), 0.5, dtype=torch.float64), torch.tensor([1.0, 3.0, 5.0])
    data = TrainingData.of(
        X, y, torch.full_like(y, torch.nan), missing=torch.ones(3).double(), runs=torch.tensor([1, 1, 2])
    )
    assert isinstance(data.errors, Shortfall)
    assert data.errors.runs is not None
    assert data.y.tolist() == [2.0, 5.0]
    assert data.errors.runs.tolist() == [1, 2]


def test_full_fidelity_alone_gives_the_beliefs_of_a_model_without_fidelities() -> None:
    data, theta, X = at_fidelities(), some_sets(1), uniform(4, D, 3)
    full = TrainingData.of(data.X, data.y, data.known, missing=torch.zeros(len(data.y), dtype=torch.float64))
    plain = TrainingData.of(data.X, data.y, data.known)
    without = Hyperparameters(theta[:, : D + 1], D, "matern52", JITTER)
    for one, other in zip(
        Posterior.of(full, sets_of(theta)).joint(X), Posterior.of(plain, without).joint(X), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0.0, atol=1e-12)


def test_the_hyperparameters_of_a_shortfall_come_back_from_their_record_to_the_last_bit() -> None:
    hyperparameters = sets_of(some_sets(2, warped=True))
    record = hyperparameters.as_record()
    assert errors_of_record(record) == "shortfall"
    assert {"log_discrepancy_variance", "log_trend_variance", "log_scatter_variance", "log_decay"} < set(record)
    back = theta_of_record(record, D)
    assert back is not None
    assert torch.equal(back, hyperparameters.theta)


def _losses(X: Tensor, missing: Tensor) -> Tensor:
    return torch.sin(4.0 * X).sum(1) + missing * (3.0 + 0.3 * torch.cos(9.0 * X[:, 0]))


@pytest.mark.parametrize("measured", [lambda missing: missing, lambda missing: torch.zeros_like(missing)])
def test_cheap_results_predict_dear_ones_without_their_bias(measured: Callable[[Tensor], Tensor]) -> None:
    missing = torch.tensor([0.0] * 6 + [1.0] * 34, dtype=torch.float64)
    X, at = uniform(40, D, 2), uniform(200, D, 5)
    y = _losses(X, missing)
    data = TrainingData.of(X, y / y.std(), torch.zeros_like(y), missing=measured(missing))
    found = fit(data, "matern52", Prior(D, errors="shortfall"), torch.Generator().manual_seed(0))
    posterior = Posterior.of(
        data, Hyperparameters(torch.from_numpy(found.theta[None]), D, "matern52", found.jitter, "shortfall")
    )
    error = (posterior.marginal(at)[0][0] * y.std() - _losses(at, torch.zeros(200).double())).square().mean().sqrt()
    knows = bool(measured(missing).any())
    assert (float(error) < 0.5) == knows
