"""Fit many campaigns at once: their log posteriors in one batch, in which smaller data sets are padded.

A padded row has no correlation with others, variance 1 and outcome 0. It therefore adds nothing to the log likelihood
or to its gradient, and the padding is exact. Inputs are not warped, every feature has a length scale of its own, and
replicates are not pooled.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from overnight.bo_core.search.bfgs import Array, Stopping, minimize
from overnight.bo_core.surrogate import KernelName, LogPosterior, Prior, TrainingData
from overnight.bo_core.surrogate.kernel import kernel

_LOG_2PI = math.log(2.0 * math.pi)
_LONGEST_STEP = 2.0


class PaddedLogPosteriors:
    """log marginal likelihood + log prior of C data sets, each at a θ of its own; see `LogPosterior`."""

    def __init__(
        self,
        sets: Sequence[TrainingData],
        kernel_name: KernelName,
        prior: Prior,
        *,
        jitter: float,
        device: torch.device,
    ) -> None:
        assert all(bool((data.count == 1).all()) for data in sets), "expected data without replicates"
        self.kernel_name: KernelName = kernel_name
        self.prior = prior
        self.sizes = np.array([len(data.y) for data in sets])

        def padded(parts: list[Tensor], value: float = 0.0) -> Tensor:
            return torch.nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=value).to(device)

        self.X = padded([data.X - data.X.mean(0) for data in sets])
        self.y = padded([data.y for data in sets])
        self.real = padded([torch.ones_like(data.y) for data in sets])
        self.fixed_diagonal = padded([data.known + (1.0 + jitter) for data in sets], 1.0)
        self.noise_share = padded([data.inferred for data in sets])

    def __call__(self, theta: Array, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        """Return values [c] and gradients [c, h] of the data sets `rows` [c] at θ [c, h]; −∞ and 0 if K is singular."""
        of_rows = torch.from_numpy(rows).to(self.X.device)
        likelihood = self._log_likelihood(torch.from_numpy(theta).to(self.X.device), of_rows).cpu().numpy()
        prior, prior_gradient = self.prior.log_density(theta)
        value = likelihood[:, 0] - 0.5 * self.sizes[rows] * _LOG_2PI + prior
        gradient = likelihood[:, 1:] + prior_gradient
        bad = ~np.isfinite(value)
        value[bad], gradient[bad] = -np.inf, 0.0
        return value, gradient

    def _log_likelihood(self, theta: Tensor, rows: Tensor) -> Tensor:
        """Return the log likelihoods without their constants, and their gradients, [c, 1 + h]."""
        y, real, share, noise_variance = self.y[rows], self.real[rows], self.noise_share[rows], theta[:, -1:].exp()
        Z = self.X[rows] * torch.exp(-theta[:, None, :-1])
        K, w = kernel(self.kernel_name, Z, Z)
        # By K = 0 outside the data, w counts for nothing there.
        K.mul_(real.unsqueeze(1)).mul_(real.unsqueeze(2))
        K.diagonal(dim1=1, dim2=2).copy_(self.fixed_diagonal[rows] + noise_variance * share)
        L, failed = torch.linalg.cholesky_ex(K)
        identity = torch.eye(L.shape[1], dtype=L.dtype, device=L.device).expand_as(L)
        L = torch.where((failed > 0)[:, None, None], identity, L)
        # Inverting from the factor at once would be a loop over the batch on some devices.
        L_inverse = torch.linalg.solve_triangular(L, identity, upper=False)
        K_inverse = L_inverse.mT @ L_inverse
        solved = K_inverse @ torch.stack([y, real], 2)
        mean = solved[:, :, 0].sum(1) / solved[:, :, 1].sum(1)
        alpha = solved[:, :, 0] - mean.unsqueeze(1) * solved[:, :, 1]
        value = -0.5 * torch.linalg.vecdot(alpha, y) - L.diagonal(dim1=1, dim2=2).log().sum(1)
        value.masked_fill_(failed > 0, -torch.inf)
        twice_by_K = torch.baddbmm(K_inverse, alpha.unsqueeze(2), alpha.unsqueeze(1), beta=-1.0)
        by_noise = 0.5 * noise_variance[:, 0] * torch.linalg.vecdot(twice_by_K.diagonal(dim1=1, dim2=2), share)
        twice_by_K.mul_(w)
        minus_by_Z = torch.baddbmm(twice_by_K.sum(2).unsqueeze(2) * Z, twice_by_K, Z, alpha=-1.0)
        by_scale = torch.linalg.vecdot(minus_by_Z, Z, dim=1)
        return torch.cat([value.unsqueeze(1), by_scale, by_noise.unsqueeze(1)], 1)


def fit_together(
    sets: Sequence[TrainingData], kernel_name: KernelName, prior: Prior, *, jitter: float, device: torch.device
) -> tuple[Array, Array]:
    """Return the likeliest θ [C, h] of every data set and its log posterior [C], climbing from the prior's middle.

    The climbs stop as those of a single fit do. The first data set's curvature, in nats per observation, is the first
    guess for all of them, since it depends on the features alone.
    """
    posteriors = PaddedLogPosteriors(sets, kernel_name, prior, jitter=jitter, device=device)
    first = LogPosterior(sets[0], kernel_name, prior, jitter=jitter).normal_covariance(prior.location)
    n = posteriors.sizes

    def negative(x: Array, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        value, gradient = posteriors(x, rows)
        return value / -n[rows], gradient / -n[rows, None]

    end = minimize(
        negative,
        np.repeat(prior.location[None], len(sets), axis=0),
        prior.low,
        prior.high,
        stopping=Stopping(gradient=min(1e-3, 0.1 / n.max()), progress=min(3e-5, 0.02 / n.max())),
        longest_step=_LONGEST_STEP,
        inverse_hessian=np.repeat(n[0] * first[None], len(sets), axis=0),
    )
    return end.x, -n * end.value
