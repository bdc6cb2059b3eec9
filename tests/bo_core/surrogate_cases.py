"""Observations, hyperparameters, textbook kernels and derivatives shared by the tests of the surrogate."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.bo_core.surrogate import Hyperparameters, KernelName, Prior, TrainingData

KERNELS: list[KernelName] = ["matern52", "rbf"]
# "known" and "mixed" use the reported standard errors; "extra" infers noise on top of them.
NOISES = ["inferred", "known", "mixed", "extra"]


def uniform(b: int, d: int, seed: int) -> Tensor:
    """Return points [b, d] in the unit cube."""
    return torch.rand(b, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def observations(n: int, d: int, noise: str, copies: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Return X [n, d], y [n] and variances [n]; every point is measured `copies` times, not in adjacent rows."""
    generator = torch.Generator().manual_seed(7)
    places = torch.arange(n) % -(-n // copies)
    X = torch.rand(n, d, generator=generator, dtype=torch.float64)[places]
    y = torch.sin(4.0 * X).sum(1) + 0.3 * torch.randn(n, generator=generator, dtype=torch.float64)
    known = (0.05 + 0.2 * torch.rand(n, generator=generator, dtype=torch.float64))[places]
    if noise == "inferred":
        known = torch.full_like(known, torch.nan)
    elif noise == "mixed":
        known[::3] = torch.nan
    return X, (y - y.mean()) / y.std(), known


def pooled_data(n: int, d: int, noise: str, copies: int = 1) -> TrainingData:
    """Return observations, pooled as the product pools them."""
    return TrainingData.of(*observations(n, d, noise, copies), extra_noise=noise == "extra")


def single_data(n: int, d: int, noise: str, copies: int = 1) -> TrainingData:
    """Return the same observations, each row by itself."""
    X, y, variance = observations(n, d, noise, copies)
    inferred = torch.ones_like(y) if noise == "extra" else variance.isnan().double()
    once, groups = torch.ones_like(y), FeatureGroups.single(d)
    return TrainingData(X, y, variance.nan_to_num(0.0), inferred, once, torch.zeros_like(y), groups)


def some_theta(d: int, count: int, *, warped: bool = False, seed: int = 1) -> Tensor:
    """Return logarithms [count, h] of plausible hyperparameters."""
    generator = torch.Generator().manual_seed(seed)
    theta = 0.7 * torch.randn(count, len(Prior(d, warped=warped).location), generator=generator, dtype=torch.float64)
    theta[:, d] -= 3.0
    theta[:, d + 1 :] *= 0.5
    return theta


def one_set(length_scales: list[float], noise_variance: float, jitter: float = 0.0) -> Hyperparameters:
    """Return a single set of Matérn hyperparameters."""
    theta = torch.tensor([[*length_scales, noise_variance]], dtype=torch.float64).log()
    return Hyperparameters(theta, len(length_scales), "matern52", jitter)


def warped_by_the_textbook(X: Tensor, theta: Tensor) -> np.ndarray:
    """Return the Kumaraswamy distribution function of every feature, for one θ [h]; X itself without warping."""
    d = X.shape[1]
    if len(theta) == d + 1:
        return X.numpy()
    a, b = np.split(np.exp(theta.numpy()[d + 1 :]), 2)
    return 1.0 - (1.0 - X.numpy() ** a) ** b


def kernel_by_the_textbook(name: KernelName, A: Tensor, B: Tensor, theta: Tensor) -> np.ndarray:
    """Return the kernel matrix from scipy's distances, for one θ [h]."""
    scales = np.exp(theta.numpy()[: A.shape[1]])
    scaled = (warped_by_the_textbook(points, theta) / scales for points in (A, B))
    return correlation_by_the_textbook(name, cdist(*scaled))


def correlation_by_the_textbook(name: KernelName, distance: np.ndarray) -> np.ndarray:
    """Return a kernel's values at distances in units of the length scales."""
    if name == "rbf":
        return np.exp(-0.5 * distance**2)
    r = np.sqrt(5.0) * distance
    return (1.0 + r + r**2 / 3.0) * np.exp(-r)


def noise_by_the_textbook(data: TrainingData, theta: Tensor) -> np.ndarray:
    """Return the noise variances of single rows, for one θ [h]."""
    d = data.X.shape[1]
    return (data.known + data.inferred * theta[d].exp()).numpy()


def central_differences(function: Callable[[Tensor], Tensor], x: Tensor, step: float) -> Tensor:
    """Return the derivatives of values [b] with respect to x [b, h], to fourth order in the step."""
    columns = []
    for j in range(x.shape[1]):
        e = torch.zeros_like(x)
        e[:, j] = step
        near, far = function(x + e) - function(x - e), function(x + 2 * e) - function(x - 2 * e)
        columns.append((8.0 * near - far) / (12.0 * step))
    return torch.stack(columns, 1)


def waves(seed: int) -> TrainingData:
    """Return eight noisy values of two waves, few enough to allow several explanations."""
    generator = torch.Generator().manual_seed(seed)
    X = torch.rand(8, 2, generator=generator, dtype=torch.float64)
    y = torch.sin(12.0 * X[:, 0]) + torch.cos(9.0 * X[:, 1])
    y += 0.2 * torch.randn(8, generator=generator, dtype=torch.float64)
    return unknown_noise(X, y)


def unknown_noise(X: Tensor, y: Tensor) -> TrainingData:
    return TrainingData.of(X, (y - y.mean()) / y.std(), torch.full_like(y, torch.nan))
