import math
import warnings
from collections.abc import Callable

import gpytorch
import numpy as np
import pytest
import torch
from gpytorch.utils.warnings import GPInputWarning
from scipy.spatial.distance import cdist
from scipy.stats import lognorm, multivariate_normal
from torch import Tensor

from bo_core.surrogate import Hyperparameters, NegativeLogPosterior, Posterior, TrainingData
from bo_core.surrogate.gaussian_process import GaussianProcess
from bo_core.surrogate.priors import LENGTH_SCALE_SPREAD, NOISE_LOCATION, NOISE_SPREAD, length_scale_location

JITTER = 1e-8


def training_data(n: int, d: int, noise: str, seed: int = 0) -> TrainingData:
    generator = torch.Generator().manual_seed(seed)
    X = torch.rand(n, d, generator=generator, dtype=torch.float64)
    y = torch.sin(4.0 * X).sum(1) + 0.3 * torch.randn(n, generator=generator, dtype=torch.float64)
    known = 0.05 + 0.2 * torch.rand(n, generator=generator, dtype=torch.float64)
    if noise == "inferred":
        known = torch.full_like(known, torch.nan)
    elif noise == "mixed":
        known[::3] = torch.nan
    return TrainingData(X, (y - y.mean()) / y.std(), known)


def some_theta(d: int, count: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    theta = 0.7 * torch.randn(count, d + 1, generator=generator, dtype=torch.float64)
    theta[:, d] -= 3.0
    return theta


def hyperparameters_at(theta: Tensor) -> Hyperparameters:
    *length_scales, noise = theta.exp().tolist()
    return Hyperparameters(tuple(length_scales), noise, JITTER)


def log_normal(value: np.ndarray, location: float, spread: float) -> float:
    return float(lognorm.logpdf(value, s=spread, scale=math.exp(location)).sum())


def dense_log_posterior(data: TrainingData, theta: Tensor) -> float:
    """The textbook: a dense Gaussian whose mean is searched on a line, and scipy's log-normal densities."""
    X, y, known = (part.numpy() for part in (data.X, data.y, data.variance))
    scales, noise = np.exp(theta.numpy()[:-1]), math.exp(float(theta[-1]))
    r = math.sqrt(5.0) * cdist(X / scales, X / scales)
    K = (1.0 + r + r**2 / 3.0) * np.exp(-r) + np.diag(np.where(np.isnan(known), noise, known) + JITTER)
    ones = np.ones(len(y))
    mean = ones @ np.linalg.solve(K, y) / (ones @ np.linalg.solve(K, ones))
    prior = log_normal(scales, length_scale_location(len(scales)), LENGTH_SCALE_SPREAD)
    prior += log_normal(np.array([noise]), NOISE_LOCATION, NOISE_SPREAD)
    return float(multivariate_normal.logpdf(y, mean * ones, K)) + prior


def gpytorch_log_posterior(data: TrainingData, hyperparameters: Hyperparameters) -> float:
    model = GaussianProcess(data, hyperparameters)
    exact = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model)
    model.train()
    # Gpytorch has no word for jitter beside the noise: the comparison adds it to the noise of the same model.
    with warnings.catch_warnings(), gpytorch.settings.fast_computations(False, False, False):
        warnings.simplefilter("ignore", GPInputWarning)
        return float(exact(model(data.X), data.y).detach()) * len(data.y)


@pytest.mark.parametrize(("n", "d"), [(2, 1), (15, 3), (40, 12)])
@pytest.mark.parametrize("noise", ["inferred", "known", "mixed"])
def test_the_value_is_that_of_a_dense_gaussian_and_the_priors_densities(n: int, d: int, noise: str) -> None:
    data, theta = training_data(n, d, noise), some_theta(d, 4)
    value, _ = NegativeLogPosterior(data, JITTER)(theta, torch.arange(4))
    expected = [dense_log_posterior(data, row) for row in theta]
    assert (-n * value).tolist() == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("noise", ["inferred", "known"])
def test_the_value_is_that_of_the_gaussian_process_which_people_read(noise: str) -> None:
    data, d = training_data(20, 3, noise), 3
    for theta in some_theta(d, 3):
        value, _ = NegativeLogPosterior(data, 0.0)(theta[None], torch.arange(1))
        ours = -len(data.y) * float(value)
        if noise == "known":
            # Where every noise is known gpytorch has no noise to have a prior of.
            ours -= log_normal(np.exp(theta.numpy()[-1:]), NOISE_LOCATION, NOISE_SPREAD)
        hyperparameters = Hyperparameters(*_parts(theta), 0.0)
        assert ours == pytest.approx(gpytorch_log_posterior(data, hyperparameters), rel=1e-8)


def _parts(theta: Tensor) -> tuple[tuple[float, ...], float]:
    *length_scales, noise = theta.exp().tolist()
    return tuple(length_scales), noise


@pytest.mark.parametrize("noise", ["inferred", "known", "mixed"])
def test_the_gradient_is_that_of_finite_differences(noise: str) -> None:
    data, d = training_data(25, 4, noise), 4
    objective = NegativeLogPosterior(data, JITTER)
    theta = some_theta(d, 3)
    _, gradient = objective(theta, torch.arange(3))
    numeric = central_differences(lambda t: objective(t, torch.arange(3))[0], theta, 1e-5)
    torch.testing.assert_close(gradient, numeric, rtol=1e-6, atol=1e-8)


def central_differences(function: Callable[[Tensor], Tensor], x: Tensor, step: float) -> Tensor:
    """Return the derivatives of values [b] by x [b, h], to fourth order in the step."""
    columns = []
    for j in range(x.shape[1]):
        e = torch.zeros_like(x)
        e[:, j] = step
        near, far = function(x + e) - function(x - e), function(x + 2 * e) - function(x - 2 * e)
        columns.append((8.0 * near - far) / (12.0 * step))
    return torch.stack(columns, 1)


def test_the_mean_is_the_one_of_highest_likelihood() -> None:
    data, d = training_data(18, 2, "mixed"), 2
    theta = some_theta(d, 1)[0]
    posterior = Posterior(data, hyperparameters_at(theta))

    def misfit(mean: float) -> float:
        u = posterior.L_inverse @ (data.y - mean)
        return float(u @ u)

    assert misfit(posterior.mean) < min(misfit(posterior.mean - 1e-4), misfit(posterior.mean + 1e-4))


def test_what_is_not_positive_definite_is_infinite_and_flat() -> None:
    data = training_data(6, 2, "known")
    exact = TrainingData(data.X[[0] * 6], data.y, torch.zeros(6, dtype=torch.float64))
    theta = torch.cat([some_theta(2, 1), some_theta(2, 1)])
    value, gradient = NegativeLogPosterior(exact, 0.0)(theta, torch.arange(2))
    assert value.tolist() == [math.inf, math.inf]
    assert not gradient.any()
