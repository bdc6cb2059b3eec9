import math
import warnings
from typing import get_args

import gpytorch
import numpy as np
import pytest
import torch
from botorch.models.utils.gpytorch_modules import (
    get_covar_module_with_dim_scaled_prior,
    get_gaussian_likelihood_with_lognormal_prior,
)
from gpytorch.utils.warnings import GPInputWarning
from scipy.stats import multivariate_normal, norm
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

from overnight.bo_core.surrogate import Hyperparameters, KernelName, LogPosterior, Posterior, Prior, TrainingData
from overnight.bo_core.surrogate.gaussian_process import GaussianProcess
from overnight.bo_core.surrogate.priors import PriorName

JITTER = 1e-8


def log_posterior(
    data: TrainingData,
    kernel: KernelName = "matern52",
    name: PriorName = "firm",
    *,
    warped: bool = False,
    jitter: float = JITTER,
) -> LogPosterior:
    return LogPosterior(data, kernel, Prior(data.X.shape[1], name, warped=warped), jitter=jitter)


def log_normal(theta: Tensor, prior: Prior, which: slice = slice(None)) -> float:
    """Return the sum of scipy's log normal densities of some of the θ."""
    return float(norm.logpdf(theta.numpy()[which], prior.location[which], prior.spread[which]).sum())


def constant_of_modes(prior: Prior, which: slice) -> float:
    """Return the log density of θ, normal about a log-normal's mode, minus the log density of that log-normal."""
    return float((prior.location + 0.5 * prior.spread**2)[which].sum())


def constant_of_replicates(data: TrainingData) -> float:
    """Return the log density of replicates with known noise about their means: no hyperparameter changes it."""
    total = 0.0
    for count, scatter, known, inferred in zip(data.count, data.scatter, data.known, data.inferred, strict=True):
        if count > 1 and not inferred:
            total -= 0.5 * float(scatter / known + (count - 1) * (2 * math.pi * known).log() + count.log())
    return total


def dense_log_likelihood(data: TrainingData, kernel: KernelName, theta: Tensor, jitter: float) -> float:
    """The textbook value: a dense Gaussian of the single rows, with the mean of highest likelihood."""
    y = data.y.numpy()
    K = kernel_by_the_textbook(kernel, data.X, data.X, theta) + np.diag(noise_by_the_textbook(data, theta) + jitter)
    ones = np.ones(len(y))
    mean = ones @ np.linalg.solve(K, y) / (ones @ np.linalg.solve(K, ones))
    return float(multivariate_normal.logpdf(y, mean * ones, K))


def gpytorch_log_posterior(data: TrainingData, hyperparameters: Hyperparameters, prior: Prior) -> float:
    model = GaussianProcess(data, hyperparameters, prior=prior)
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
    value, _ = log_posterior(data, kernel, warped=warped)(theta.numpy())
    prior = Prior(d, warped=warped)
    expected = [dense_log_likelihood(data, kernel, row, JITTER) + log_normal(row, prior) for row in theta]
    assert value.tolist() == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("name", get_args(PriorName))
def test_the_value_is_that_of_the_gaussian_process_which_people_read_on_the_single_rows(
    noise: str, kernel: KernelName, copies: int, warped: bool, name: PriorName
) -> None:
    n, d = 20, 3
    prior, single = Prior(d, name, warped=warped), single_data(n, d, noise, copies)
    ours = log_posterior(pooled_data(n, d, noise, copies), kernel, name, warped=warped, jitter=0.0)
    for theta in some_theta(d, 3, warped=warped):
        expected = gpytorch_log_posterior(single, Hyperparameters(theta[None], d, kernel, 0.0), prior)
        # With known noise, gpytorch has no noise parameter and so no prior on it; its model here has no prior on the
        # warping.
        there = d if noise != "inferred" else d + 1
        expected += constant_of_modes(prior, slice(there)) + log_normal(theta, prior, slice(there, None))
        expected -= constant_of_replicates(ours.data)
        assert float(ours(theta[None].numpy())[0][0]) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("copies", [1, 2])
def test_the_gradient_is_that_of_finite_differences(noise: str, kernel: KernelName, warped: bool, copies: int) -> None:
    objective = log_posterior(pooled_data(26, 4, noise, copies), kernel, warped=warped)
    theta = some_theta(4, 3, warped=warped)
    _, gradient = objective(theta.numpy())
    numeric = central_differences(lambda t: torch.from_numpy(objective(t.numpy())[0]), theta, 1e-3)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("copies", [2, 5])
def test_pooled_replicates_have_the_likelihood_of_the_single_rows(noise: str, kernel: KernelName, copies: int) -> None:
    n, d = 30, 2
    single, pooled = single_data(n, d, noise, copies), pooled_data(n, d, noise, copies)
    assert len(pooled.y) < n
    assert pooled.replicates == n
    theta = some_theta(d, 5)
    found, expected = (log_posterior(data, kernel, jitter=0.0).log_likelihood(theta) for data in (pooled, single))
    found[:, 0] += constant_of_replicates(pooled)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-9)


def test_rows_of_one_point_with_another_noise_are_no_replicates() -> None:
    X, y = torch.zeros(4, 1).double(), torch.arange(4).double()
    data = TrainingData.of(X, y, torch.tensor([0.1, torch.nan, 0.1, torch.nan]).double())
    assert data.y.tolist() == [1.0, 2.0]
    assert data.count.tolist() == [2.0, 2.0]
    assert data.scatter.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("name", get_args(PriorName))
def test_the_prior_is_a_density_of_the_logarithms(name: PriorName) -> None:
    prior, theta = Prior(3, name, warped=True), some_theta(3, 4, warped=True)
    value, gradient = prior.log_density(theta.numpy())
    assert value.tolist() == pytest.approx([log_normal(row, prior) for row in theta], rel=1e-12)
    numeric = central_differences(lambda t: torch.from_numpy(prior.log_density(t.numpy())[0]), theta, 1e-3)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-8, atol=1e-8)
    assert ((prior.low < prior.location) & (prior.location < prior.high)).all()


def expected_information(data: TrainingData, kernel: KernelName, theta: Tensor) -> np.ndarray:
    """Return ½ tr(K⁻¹ ∂K K⁻¹ ∂K) [h, h] of single rows, from the textbook's K and its finite differences."""

    def covariance(theta: Tensor) -> np.ndarray:
        return kernel_by_the_textbook(kernel, data.X, data.X, theta) + np.diag(
            noise_by_the_textbook(data, theta) + JITTER
        )

    step = 1e-5
    moves = [step * row for row in torch.eye(len(theta), dtype=torch.float64)]
    changes = [
        np.linalg.solve(covariance(theta), (covariance(theta + move) - covariance(theta - move)) / (2.0 * step))
        for move in moves
    ]
    return np.array([[0.5 * np.trace(one @ other) for one in changes] for other in changes])


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("copies", [1, 3])
def test_the_normal_approximation_has_the_information_of_the_single_rows_and_the_precision_of_the_prior(
    noise: str, kernel: KernelName, warped: bool, copies: int
) -> None:
    n, d = 18, 3
    prior, single = Prior(d, warped=warped), single_data(n, d, noise, copies)
    theta = some_theta(d, 2, warped=warped)
    objective = log_posterior(pooled_data(n, d, noise, copies), kernel, warped=warped)
    for row in theta:
        found = objective.normal_covariance(row.numpy())
        precision = expected_information(single, kernel, row) + np.diag(prior.spread**-2)
        np.testing.assert_allclose(np.linalg.inv(found), precision, rtol=1e-4, atol=1e-4)


def test_of_many_observations_evenly_spaced_ones_speak_for_all() -> None:
    data, theta = single_data(96, 3, "inferred"), some_theta(3, 1)[0]
    information = expected_information(data.part(torch.arange(48) * 2), "matern52", theta)
    found = log_posterior(data).normal_covariance(theta.numpy())
    expected = 2.0 * information + np.diag(Prior(3).spread ** -2)
    np.testing.assert_allclose(np.linalg.inv(found), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("d", [1, 6, 100])
def test_the_loose_prior_leads_to_the_mode_of_botorchs_log_normal_priors(d: int) -> None:
    prior, theta = Prior(d, "loose"), some_theta(d, 4)
    of_scales = get_covar_module_with_dim_scaled_prior(ard_num_dims=d).lengthscale_prior
    of_noise = get_gaussian_likelihood_with_lognormal_prior().noise_covar.noise_prior
    assert of_scales is not None
    values = theta.exp()
    theirs = of_scales.log_prob(values[:, :d]).sum(1) + of_noise.log_prob(values[:, d])
    ours = torch.from_numpy(prior.log_density(theta.numpy())[0])
    expected = torch.full((4,), constant_of_modes(prior, slice(None))).double()
    torch.testing.assert_close(ours - theirs, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", get_args(PriorName))
def test_typical_length_scales_grow_with_the_root_of_the_dimension(name: PriorName) -> None:
    one, many = Prior(1, name), Prior(49, name)
    assert np.exp(many.location[:49] - one.location[0]).tolist() == pytest.approx([7.0] * 49)
    assert (many.location[49], many.spread[49]) == (one.location[1], one.spread[1])


def test_the_mean_is_the_one_of_highest_likelihood() -> None:
    data = pooled_data(18, 2, "mixed")
    posterior = Posterior.of(data, Hyperparameters(some_theta(2, 1), 2, "matern52", JITTER))

    def misfit(mean: float) -> float:
        u = posterior.L_inverse[0] @ (data.y - mean)
        return float(u @ u)

    mean = float(posterior.mean)
    assert misfit(mean) < min(misfit(mean - 1e-4), misfit(mean + 1e-4))


def test_what_is_not_positive_definite_is_infinitely_unlikely_and_flat_and_spoils_no_other() -> None:
    data = single_data(6, 2, "known")
    zeros = torch.zeros(6, dtype=torch.float64)
    exact = TrainingData(data.X[[0] * 6], data.y, zeros, zeros, zeros + 1.0, zeros, data.groups)
    theta = some_theta(2, 2)
    value, gradient = log_posterior(exact, jitter=0.0)(theta.numpy())
    assert value.tolist() == [-math.inf, -math.inf]
    assert not gradient.any()
    prior_alone = np.diag(Prior(2).spread ** 2)
    np.testing.assert_allclose(log_posterior(exact, jitter=0.0).normal_covariance(theta[0].numpy()), prior_alone)


def test_what_is_not_positive_definite_spoils_no_other_of_its_batch() -> None:
    X = torch.tensor([[0.5], [0.5 + 1e-13]], dtype=torch.float64)
    near = TrainingData.of(X, torch.tensor([0.0, 1.0]), torch.zeros(2))
    # Only a length scale as small as the gap distinguishes the two rows.
    theta = np.array([[0.0, -3.0], [math.log(1e-13), -3.0], [0.0, -3.0]])
    objective = log_posterior(near, "rbf", jitter=0.0)
    value, gradient = objective(theta)
    assert np.isfinite(value).tolist() == [False, True, False]
    assert np.isfinite(gradient).all()
    assert float(value[1]) == float(objective(theta[1:2])[0][0])
