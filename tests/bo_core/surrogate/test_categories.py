"""Categories with one length scale each, on a Hamming distance."""

from typing import Any

import gpytorch
import numpy as np
import pytest
import torch
from gpytorch.utils.warnings import GPInputWarning
from scipy.stats import multivariate_normal, norm
from surrogate_cases import KERNELS, central_differences, correlation_by_the_textbook, some_theta

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.bo_core.surrogate import Hyperparameters, KernelName, LogPosterior, Posterior, Prior, TrainingData, fit
from overnight.bo_core.surrogate.gaussian_process import GaussianProcess
from overnight.campaign import Point
from overnight.campaign.space import Space

JITTER = 1e-8
FLOAT: dict[str, Any] = {"kind": "float", "low": 0.0, "high": 1.0}


def category(count: int) -> dict[str, Any]:
    return {"kind": "categorical", "choices": [f"choice {i}" for i in range(count)]}


SPACES = {
    "categories alone": {"a": category(2), "b": category(5)},
    "a category first": {"a": category(3), "x": FLOAT, "y": FLOAT},
    "categories among the others": {
        "x": FLOAT,
        "a": category(4),
        "n": {"kind": "int", "low": 1, "high": 9},
        "b": category(3),
    },
}


def some_data(space: str, n: int = 30) -> tuple[Encoding, list[Point], np.ndarray, TrainingData]:
    """Return random points, of which some are equal, and their outcomes as single numbers and as data."""
    encoding, generator = Encoding(Space.of(SPACES[space])), torch.Generator().manual_seed(3)
    points = [encoding.point_at(row) for row in torch.rand(n, encoding.k, generator=generator).tolist()]
    y = torch.randn(n, generator=generator, dtype=torch.float64)
    X, unknown = encoding.encode(points), torch.full((n,), torch.nan)
    return encoding, points, y.numpy(), TrainingData.of(X, y, unknown, encoding.groups(hamming=True))


def scaled_distances(encoding: Encoding, points: list[Point], scales: np.ndarray) -> np.ndarray:
    """Return distances in which two different choices differ by 1, everything in units of the length scales [k]."""
    squared = np.zeros((len(points), len(points)))
    for scale, (name, column) in zip(scales, encoding.columns.items(), strict=True):
        values = [point[name] for point in points]
        if column.width > 1:
            apart = np.array([[float(one != other) for other in values] for one in values])
        else:
            places = np.array([column.features(value)[0] for value in values])
            apart = np.subtract.outer(places, places)
        squared += (apart / scale) ** 2
    return np.sqrt(squared)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_kernel_is_that_of_the_hamming_distance(space: str, kernel: KernelName) -> None:
    encoding, points, _, data = some_data(space)
    theta = some_theta(encoding.k, 2)
    posterior = Posterior.of(data, Hyperparameters(theta, encoding.k, kernel, JITTER))
    Z = posterior.scaled(encoding.encode(points))
    for row, found in zip(theta, posterior.kernel(Z, Z)[0], strict=True):
        distances = scaled_distances(encoding, points, row[: encoding.k].exp().numpy())
        np.testing.assert_allclose(found, correlation_by_the_textbook(kernel, distances), rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_value_is_that_of_a_dense_gaussian_and_of_a_prior_that_counts_parameters(
    space: str, kernel: KernelName
) -> None:
    encoding, points, y, data = some_data(space)
    k, theta = encoding.k, some_theta(encoding.k, 3)
    value, _ = LogPosterior(data, kernel, Prior(k), jitter=0.0)(theta.numpy())
    for row, found in zip(theta.numpy(), value, strict=True):
        distances = scaled_distances(encoding, points, np.exp(row[:k]))
        K = correlation_by_the_textbook(kernel, distances) + np.exp(row[k]) * np.eye(len(y))
        ones = np.ones(len(y))
        mean = ones @ np.linalg.solve(K, y) / (ones @ np.linalg.solve(K, ones))
        # Firm priors of k length scales and a noise variance, see decisions/0006-priors.md.
        location, spread = np.array([2**0.5 - 2.7 + 0.5 * np.log(k)] * k + [-4.0]), np.array([0.75] * k + [2.0])
        expected = multivariate_normal.logpdf(y, mean * ones, K) + norm.logpdf(row, location, spread).sum()
        assert found == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("warped", [False, True])
def test_the_gradient_is_that_of_finite_differences(space: str, warped: bool) -> None:
    encoding, _, _, data = some_data(space)
    objective = LogPosterior(data, "matern52", Prior(encoding.k, warped=warped), jitter=JITTER)
    theta = some_theta(encoding.k, 3, warped=warped)
    _, gradient = objective(theta.numpy())
    numeric = central_differences(lambda t: torch.from_numpy(objective(t.numpy())[0]), theta, 1e-3)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6)


def each_its_own(data: TrainingData, theta: torch.Tensor) -> tuple[TrainingData, torch.Tensor, torch.Tensor]:
    """Return the data and θ [h'] of the model in which each feature has length scales, and the matrix from θ to θ'."""
    groups, d = data.groups, data.X.shape[1]
    parts = [theta[: groups.count], *theta[groups.count + 1 :].reshape(-1, groups.count)]
    spread = [groups.log_scales(parts[0]), *(groups.of_features(part) for part in parts[1:])]
    single = TrainingData(data.X, data.y, data.known, data.inferred, data.count, data.scatter, FeatureGroups.single(d))
    of_group = torch.zeros(d, groups.count, dtype=torch.float64)
    of_group[torch.arange(d), torch.tensor([i for i, width in enumerate(groups.widths) for _ in range(width)])] = 1.0
    noise = torch.ones(1, 1, dtype=torch.float64)
    matrix = torch.block_diag(of_group, noise, *[of_group] * (len(parts) - 1))
    return single, torch.cat([spread[0], theta[groups.count : groups.count + 1], *spread[1:]]), matrix


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("warped", [False, True])
def test_likelihood_and_information_are_those_of_equal_length_scales_of_all_indicators(
    space: str, warped: bool
) -> None:
    encoding, _, _, data = some_data(space)
    theta = some_theta(encoding.k, 1, warped=warped)
    single, spread, matrix = each_its_own(data, theta[0])
    ours = LogPosterior(data, "matern52", Prior(encoding.k, warped=warped), jitter=JITTER)
    theirs = LogPosterior(single, "matern52", Prior(encoding.d, warped=warped), jitter=JITTER)
    found, expected = ours.log_likelihood(theta)[0], theirs.log_likelihood(spread[None])[0]
    torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=0.0)
    torch.testing.assert_close(found[1:], expected[1:] @ matrix, rtol=1e-9, atol=1e-9)
    information = matrix.mT @ theirs.information(spread[None]) @ matrix
    torch.testing.assert_close(ours.information(theta), information, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.filterwarnings(f"ignore::{GPInputWarning.__module__}.{GPInputWarning.__name__}")
def test_the_posterior_is_that_of_gpytorch_with_tied_length_scales(space: str, warped: bool) -> None:
    encoding, _, _, data = some_data(space)
    hyperparameters = Hyperparameters(some_theta(encoding.k, 1, warped=warped), encoding.k, "matern52", 0.0)
    posterior, model = Posterior.of(data, hyperparameters), GaussianProcess(data, hyperparameters).eval()
    X = encoding.spread(torch.rand(8, encoding.k, generator=torch.Generator().manual_seed(9), dtype=torch.float64))
    with torch.no_grad(), gpytorch.settings.fast_computations(False, False, False):
        expected = model(X)
    mean, covariance = posterior.joint(X)
    torch.testing.assert_close(mean[0], expected.mean, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(covariance[0], expected.covariance_matrix, rtol=1e-6, atol=1e-8)


def test_a_second_look_lets_a_category_count_again() -> None:
    encoding = Encoding(Space.of({"x": FLOAT, "a": category(4)}))
    generator = torch.Generator().manual_seed(1)
    X = encoding.spread(torch.rand(600, 2, generator=generator, dtype=torch.float64))
    y = torch.sin(6.0 * X[:, 0]) + X[:, 2] + 0.1 * torch.randn(600, generator=generator, dtype=torch.float64)
    groups, y = encoding.groups(hamming=True), (y - y.mean()) / y.std()
    data = TrainingData.of(X, y, torch.full_like(y, torch.nan), groups)
    blind, prior = np.array([-1.0, 9.0, -0.5]), Prior(2)
    # No climb leaves a length scale this long under a prior that does not pull it back.
    prior.location[1], prior.spread[1] = 9.0, 3.0
    looked, unlooked = (
        fit(data, "matern52", prior, torch.Generator().manual_seed(0), cold=0, warm=blind, second_look=look)
        for look in (True, False)
    )
    assert unlooked.theta[1] > 8.0
    assert looked.theta[1] < 2.0
    assert looked.value > unlooked.value + 100.0
