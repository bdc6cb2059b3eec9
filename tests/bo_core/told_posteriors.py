"""Small posteriors of a noisy bowl, and values to compare them with."""

import math

import numpy as np
import torch
from scipy.spatial.distance import cdist
from surrogate_cases import correlation_by_the_textbook, uniform
from torch import Tensor

from overnight.bo_core.surrogate import Hyperparameters, KernelName, Posterior, TrainingData


def a_posterior(
    n: int = 20,
    d: int = 3,
    sets: int = 2,
    noise: float = 0.05,
    kernel: KernelName = "matern52",
    *,
    warped: bool = False,
) -> Posterior:
    """Return the posterior of a bowl after n noisy observations, for several sets of hyperparameters."""
    generator = torch.Generator().manual_seed(n)
    X = uniform(n, d, n)
    y = -((X - 0.4) ** 2).sum(1)
    y = (y - y.mean()) / y.std() + math.sqrt(noise) * torch.randn(n, generator=generator, dtype=torch.float64)
    data = TrainingData.of(X, y, torch.full((n,), torch.nan, dtype=torch.float64))
    theta = torch.tensor([[math.log(0.7)] * d + [math.log(noise)]], dtype=torch.float64)
    if warped:
        theta = torch.cat([theta, torch.full((1, 2 * d), 0.3, dtype=torch.float64)], 1)
    spread = 0.2 * torch.randn(sets, theta.shape[1], generator=generator, dtype=torch.float64)
    return Posterior.of(data, Hyperparameters(theta + spread, d, kernel, 1e-8))


def prior_covariance(kernel: KernelName, A: Tensor, B: Tensor, length_scales: Tensor) -> np.ndarray:
    """Return the kernel [a, b] between features, implemented independently."""
    scales = length_scales.numpy()
    return correlation_by_the_textbook(kernel, cdist(A.numpy() / scales, B.numpy() / scales))
