import math
import warnings

import gpytorch
import numpy as np
import pytest
import torch
from gpytorch.utils.warnings import GPInputWarning
from scipy.stats import lognorm, multivariate_normal, norm
from surrogate_cases import (
    KERNELS,
    NOISES,
    central_differences,
    kernel_by_the_textbook,
    noise_by_the_textbook,
    pooled_data,
    single_data,
    some_theta,
)
from torch import Tensor

from bo_core.surrogate import Hyperparameters, KernelName, LogPosterior, Posterior, Prior, TrainingData
from bo_core.surrogate.gaussian_process import GaussianProcess

JITTER = 1e-8


def log_posterior(
    data: TrainingData, kernel: KernelName = "matern52", *, warped: bool = False, jitter: float = JITTER
) -> LogPosterior:
    return LogPosterior(data, kernel, Prior(data.X.shape[1], warped=warped), jitter=jitter, of_logarithms=False)


def log_normal(theta: Tensor, prior: Prior, which: slice) -> float:
    """Return scipy's log-normal densities of some of the hyperparameters."""
    location, spread = prior.location.numpy()[which], prior.spread.numpy()[which]
    return float(lognorm.logpdf(np.exp(theta.numpy()[which]), s=spread, scale=np.exp(location)).sum())


def dense_log_likelihood(data: TrainingData, kernel: KernelName, theta: Tensor, jitter: float) -> float:
    """The textbook: a dense Gaussian of the single rows whose mean is the one of highest likelihood."""
    y = data.y.numpy()
    K = kernel_by_the_textbook(kernel, data.X, data.X, theta) + np.diag(noise_by_the_textbook(data, theta) + jitter)
    ones = np.ones(len(y))
    mean = ones @ np.linalg.solve(K, y) / (ones @ np.linalg.solve(K, ones))
    return float(multivariate_normal.logpdf(y, mean * ones, K))


def gpytorch_log_posterior(data: TrainingData, hyperparameters: Hyperparameters) -> float:
    model = GaussianProcess(data, hyperparameters)
    exact = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model)
    model.train()
    with warnings.catch_warnings(), gpytorch.settings.fast_computations(False, False, False):
        warnings.simplefilter("ignore", GPInputWarning)
        return float(exact(model(data.X), data.y).detach()) * len(data.y)


@pytest.mark.parametrize(("n", "d"), [(2, 1), (15, 3), (40, 12)])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("warped", [False, True])
def test_the_value_is_that_of_a_dense_gaussian_and_the_priors_densities(
    n: int, d: int, noise: str, kernel: KernelName, warped: bool
) -> None:
    data, theta = single_data(n, d, noise), some_theta(d, 4, warped=warped)
    value, _ = log_posterior(data, kernel, warped=warped)(theta)
    prior = Prior(d, warped=warped)
    expected = [dense_log_likelihood(data, kernel, row, JITTER) + log_normal(row, prior, slice(None)) for row in theta]
    assert value.tolist() == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("warped", [False, True])
def test_the_value_is_that_of_the_gaussian_process_which_people_read_on_the_single_rows(
    noise: str, kernel: KernelName, copies: int, warped: bool
) -> None:
    n, d = 20, 3
    prior, single = Prior(d, warped=warped), single_data(n, d, noise, copies)
    ours = log_posterior(pooled_data(n, d, noise, copies), kernel, warped=warped, jitter=0.0)
    for theta in some_theta(d, 3, warped=warped):
        expected = gpytorch_log_posterior(single, Hyperparameters(theta[None], d, kernel, 0.0))
        # Where noise is known gpytorch has no noise to have a prior of, and our model there has none of the warping.
        missing = log_normal(theta, prior, slice(d if noise != "inferred" else d + 1, None))
        assert float(ours(theta[None])[0]) == pytest.approx(expected + missing, rel=1e-8)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("copies", [1, 2])
def test_the_gradient_is_that_of_finite_differences(noise: str, kernel: KernelName, warped: bool, copies: int) -> None:
    objective = log_posterior(pooled_data(26, 4, noise, copies), kernel, warped=warped)
    theta = some_theta(4, 3, warped=warped)
    _, gradient = objective(theta)
    numeric = central_differences(lambda t: objective(t)[0], theta, 1e-3)
    torch.testing.assert_close(gradient, numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("copies", [2, 5])
def test_pooled_replicates_have_the_likelihood_of_the_single_rows(noise: str, kernel: KernelName, copies: int) -> None:
    n, d = 30, 2
    single, pooled = single_data(n, d, noise, copies), pooled_data(n, d, noise, copies)
    assert len(pooled.y) < n
    assert pooled.replicates == n
    theta = some_theta(d, 5)
    for found, expected in zip(
        log_posterior(pooled, kernel, jitter=0.0)(theta), log_posterior(single, kernel, jitter=0.0)(theta), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-9)


def test_rows_of_one_point_with_another_noise_are_no_replicates() -> None:
    X, y = torch.zeros(4, 1).double(), torch.arange(4).double()
    data = TrainingData.of(X, y, torch.tensor([0.1, torch.nan, 0.1, torch.nan]).double())
    assert data.y.tolist() == [1.0, 2.0]
    assert data.count.tolist() == [2.0, 2.0]
    assert data.scatter.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("of_logarithms", [False, True])
def test_the_prior_is_a_density_of_the_logarithms_or_of_the_hyperparameters_themselves(of_logarithms: bool) -> None:
    prior, theta = Prior(3, warped=True), some_theta(3, 4, warped=True)
    value, gradient = prior.log_density(theta, of_logarithms=of_logarithms)
    location, spread = prior.location.numpy(), prior.spread.numpy()
    expected = norm.logpdf(theta.numpy(), location, spread).sum(1)
    if not of_logarithms:
        expected = lognorm.logpdf(theta.exp().numpy(), s=spread, scale=np.exp(location)).sum(1)
        at_mode = prior.log_density(prior.modes[None], of_logarithms=False)[1]
        assert float(at_mode.abs().max()) < 1e-12
    assert value.tolist() == pytest.approx(expected.tolist(), rel=1e-12)
    numeric = central_differences(lambda t: prior.log_density(t, of_logarithms=of_logarithms)[0], theta, 1e-3)
    torch.testing.assert_close(gradient, numeric, rtol=1e-8, atol=1e-8)


def test_the_mean_is_the_one_of_highest_likelihood() -> None:
    data = pooled_data(18, 2, "mixed")
    posterior = Posterior(data, Hyperparameters(some_theta(2, 1), 2, "matern52", JITTER))

    def misfit(mean: float) -> float:
        u = posterior.L_inverse[0] @ (data.y - mean)
        return float(u @ u)

    mean = float(posterior.mean)
    assert misfit(mean) < min(misfit(mean - 1e-4), misfit(mean + 1e-4))


def test_what_is_not_positive_definite_is_infinitely_unlikely_and_flat_and_spoils_no_other() -> None:
    data = single_data(6, 2, "known")
    zeros = torch.zeros(6, dtype=torch.float64)
    exact = TrainingData(data.X[[0] * 6], data.y, zeros, zeros, zeros + 1.0, zeros)
    theta = some_theta(2, 2)
    value, gradient = log_posterior(exact, jitter=0.0)(theta)
    assert value.tolist() == [-math.inf, -math.inf]
    assert not gradient.any()


def test_what_is_not_positive_definite_spoils_no_other_of_its_batch() -> None:
    X = torch.tensor([[0.5], [0.5 + 1e-13]], dtype=torch.float64)
    near = TrainingData.of(X, torch.tensor([0.0, 1.0]), torch.zeros(2))
    # Only with a length scale as small as the gap are the two rows told apart.
    theta = torch.tensor([[0.0, -3.0], [math.log(1e-13), -3.0], [0.0, -3.0]], dtype=torch.float64)
    objective = log_posterior(near, "rbf", jitter=0.0)
    value, gradient = objective(theta)
    assert torch.isfinite(value).tolist() == [False, True, False]
    assert gradient.isfinite().all()
    assert float(value[1]) == float(objective(theta[1:2])[0])
