import warnings

import gpytorch
import numpy as np
import pytest
import torch
from gpytorch.utils.warnings import GPInputWarning
from surrogate_cases import (
    KERNELS,
    NOISES,
    kernel_by_the_textbook,
    noise_by_the_textbook,
    pooled_data,
    single_data,
    some_theta,
    uniform,
)

from overnight.bo_core.surrogate import Hyperparameters, KernelName, Posterior, safe_cholesky
from overnight.bo_core.surrogate.gaussian_process import GaussianProcess
from overnight.bo_core.surrogate.hyperparameters import theta_of_record
from overnight.campaign.errors import CannotPropose

M, D = 3, 4


def sets(kernel: KernelName = "matern52", *, warped: bool = False) -> Hyperparameters:
    return Hyperparameters(some_theta(D, M, warped=warped), D, kernel, 0.0)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("copies", [1, 3])
def test_mean_and_covariance_of_each_set_are_those_of_the_gaussian_process_which_people_read(
    noise: str, kernel: KernelName, warped: bool, copies: int
) -> None:
    hyperparameters, X = sets(kernel, warped=warped), uniform(9, D, 5)
    mean, covariance = Posterior.of(pooled_data(30, D, noise, copies), hyperparameters).joint(X)
    for member in range(M):
        model = GaussianProcess(single_data(30, D, noise, copies), hyperparameters, member).eval()
        with warnings.catch_warnings(), torch.no_grad(), gpytorch.settings.fast_computations(False, False, False):
            warnings.simplefilter("ignore", GPInputWarning)
            expected = model(X)
        torch.testing.assert_close(mean[member], expected.mean, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(covariance[member], expected.covariance_matrix, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("warped", [False, True])
def test_mean_and_covariance_are_those_of_a_dense_conditional_gaussian(kernel: KernelName, warped: bool) -> None:
    data, hyperparameters, X = single_data(30, D, "mixed"), sets(kernel, warped=warped), uniform(9, D, 5)
    posterior = Posterior.of(data, hyperparameters)
    mean, covariance = posterior.joint(X)
    for member, theta in enumerate(hyperparameters.theta):
        K = kernel_by_the_textbook(kernel, data.X, data.X, theta) + np.diag(noise_by_the_textbook(data, theta))
        cross = kernel_by_the_textbook(kernel, data.X, X, theta)
        gain = np.linalg.solve(K, cross).T
        m = float(posterior.mean[member])
        np.testing.assert_allclose(mean[member], m + gain @ (data.y.numpy() - m), rtol=1e-8, atol=1e-10)
        expected = kernel_by_the_textbook(kernel, X, X, theta) - gain @ cross
        np.testing.assert_allclose(covariance[member], expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("noise", NOISES)
def test_pooled_replicates_lead_to_the_beliefs_of_the_single_rows(noise: str) -> None:
    X = uniform(9, D, 5)
    pooled, single = (
        Posterior.of(data, sets()) for data in (pooled_data(30, D, noise, 5), single_data(30, D, noise, 5))
    )
    assert pooled.n < single.n
    for found, expected in zip(pooled.joint(X), single.joint(X), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


def test_the_marginals_are_the_diagonal_of_the_joint() -> None:
    posterior, X = Posterior.of(pooled_data(30, D, "inferred"), sets()), uniform(9, D, 5)
    mean, sd = posterior.marginal(X)
    joint_mean, covariance = posterior.joint(X)
    torch.testing.assert_close(mean, joint_mean)
    torch.testing.assert_close(sd, covariance.diagonal(dim1=1, dim2=2).sqrt())


def test_the_average_over_sets_has_the_moments_of_their_mixture() -> None:
    posterior, X = Posterior.of(pooled_data(30, D, "inferred"), sets()), uniform(4, D, 5)
    mean, sd = posterior.marginal(X)
    normals = torch.randn(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    samples = (mean.unsqueeze(2) + sd.unsqueeze(2) * normals).transpose(0, 1).flatten(1)
    found_mean, found_sd = posterior.averaged(X)
    torch.testing.assert_close(found_mean, samples.mean(1), rtol=0.0, atol=0.005)
    torch.testing.assert_close(found_sd, samples.std(1), rtol=0.01, atol=0.0)


@pytest.mark.parametrize("noise", NOISES)
def test_what_f_lies_between_at_the_data_holds_its_mean_and_so_many_deviations(noise: str) -> None:
    data = pooled_data(30, D, noise)
    posterior = Posterior.of(data, sets())
    mean, sd = posterior.marginal(data.X)
    low, high = posterior.bounds_at_data(3.0)
    torch.testing.assert_close((low + high) / 2.0, mean, rtol=1e-8, atol=1e-8)
    assert bool((high >= mean + 3.0 * sd - 1e-8).all())


@pytest.mark.parametrize("warped", [False, True])
def test_hyperparameters_come_back_from_their_record_to_the_last_bit(warped: bool) -> None:
    hyperparameters = sets(warped=warped)
    again = theta_of_record(hyperparameters.as_record(), D)
    assert again is not None
    assert torch.equal(again, hyperparameters.theta)
    assert theta_of_record(hyperparameters.as_record(), D + 1) is None
    assert theta_of_record({}, D) is None


def test_a_singular_covariance_gets_a_factor_and_says_what_it_took() -> None:
    ones = torch.ones(5, 5, dtype=torch.float64)
    L, jitter = safe_cholesky(ones - 1e-7 * torch.eye(5, dtype=torch.float64), 1e-9)
    assert jitter == pytest.approx(1e-6)
    torch.testing.assert_close(L @ L.mT, ones, rtol=0.0, atol=2e-6)


def test_a_covariance_that_is_not_finite_is_refused() -> None:
    with pytest.raises(CannotPropose):
        safe_cholesky(torch.full((2, 2), torch.nan, dtype=torch.float64), 1e-9)


@pytest.mark.parametrize("warped", [False, True])
def test_means_alone_are_those_of_the_marginals(warped: bool) -> None:
    posterior, X = Posterior.of(pooled_data(30, D, "inferred"), sets(warped=warped)), uniform(9, D, 5)
    assert torch.allclose(posterior.means(X), posterior.marginal(X)[0], atol=1e-10)
