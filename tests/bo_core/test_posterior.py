import gpytorch
import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from bo_core.surrogate import Hyperparameters, Posterior, TrainingData, safe_cholesky
from bo_core.surrogate.gaussian_process import GaussianProcess


def data_and_hyperparameters(noise: str, n: int = 30, d: int = 4) -> tuple[TrainingData, Hyperparameters, Tensor]:
    generator = torch.Generator().manual_seed(7)
    X = torch.rand(n, d, generator=generator, dtype=torch.float64)
    y = torch.cos(3.0 * X).prod(1) + 0.1 * torch.randn(n, generator=generator, dtype=torch.float64)
    known = 0.01 + 0.1 * torch.rand(n, generator=generator, dtype=torch.float64)
    if noise == "inferred":
        known = torch.full_like(known, torch.nan)
    if noise == "mixed":
        known[: n // 2] = torch.nan
    scales = tuple(float(s) for s in 0.3 + torch.rand(d, generator=generator, dtype=torch.float64))
    candidates = torch.rand(9, d, generator=generator, dtype=torch.float64)
    return TrainingData(X, (y - y.mean()) / y.std(), known), Hyperparameters(scales, 0.03, 0.0), candidates


@pytest.mark.parametrize("noise", ["inferred", "known", "mixed"])
def test_mean_and_covariance_are_those_of_the_gaussian_process_which_people_read(noise: str) -> None:
    data, hyperparameters, X = data_and_hyperparameters(noise)
    model = GaussianProcess(data, hyperparameters).eval()
    with torch.no_grad(), gpytorch.settings.fast_computations(False, False, False):
        expected = model(X)
    mean, covariance = Posterior(data, hyperparameters).joint(X)
    torch.testing.assert_close(mean, expected.mean, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(covariance, expected.covariance_matrix, rtol=1e-8, atol=1e-8)


def test_mean_and_covariance_are_those_of_a_dense_conditional_gaussian() -> None:
    data, hyperparameters, X = data_and_hyperparameters("mixed")
    posterior = Posterior(data, hyperparameters)
    scales = np.array(hyperparameters.length_scales)

    def kernel(A: Tensor, B: Tensor) -> np.ndarray:
        r = np.sqrt(5.0) * cdist(A.numpy() / scales, B.numpy() / scales)
        return (1.0 + r + r**2 / 3.0) * np.exp(-r)

    noise = np.where(np.isnan(data.variance.numpy()), hyperparameters.noise_variance, data.variance.numpy())
    gain = np.linalg.solve(kernel(data.X, data.X) + np.diag(noise), kernel(data.X, X)).T
    mean, covariance = posterior.joint(X)
    expected = posterior.mean + gain @ (data.y.numpy() - posterior.mean)
    np.testing.assert_allclose(mean, expected, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(covariance, kernel(X, X) - gain @ kernel(data.X, X), rtol=1e-8, atol=1e-10)


def test_the_marginals_are_the_diagonal_of_the_joint() -> None:
    data, hyperparameters, X = data_and_hyperparameters("inferred")
    posterior = Posterior(data, hyperparameters)
    mean, sd = posterior.marginal(X)
    joint_mean, covariance = posterior.joint(X)
    torch.testing.assert_close(mean, joint_mean)
    torch.testing.assert_close(sd, covariance.diagonal().sqrt())


def test_a_singular_covariance_gets_a_factor_and_says_what_it_took() -> None:
    ones = torch.ones(5, 5, dtype=torch.float64)
    L, jitter = safe_cholesky(ones - 1e-7 * torch.eye(5, dtype=torch.float64), 1e-9)
    assert jitter == pytest.approx(1e-6)
    torch.testing.assert_close(L @ L.mT, ones, rtol=0.0, atol=2e-6)


def test_a_covariance_that_is_not_finite_is_refused() -> None:
    with pytest.raises(FloatingPointError):
        safe_cholesky(torch.full((2, 2), torch.nan, dtype=torch.float64), 1e-9)
