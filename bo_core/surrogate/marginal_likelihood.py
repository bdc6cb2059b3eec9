"""The log marginal likelihood of a Gaussian process, with its gradient written out: one Cholesky, no autograd.

The model is y ~ N(m 1, K + diag(noise)) with a Matérn-5/2 ARD kernel of variance 1 on standardised outcomes. The
constant mean m is not searched: for each set of the others its best value is the generalised least-squares mean,
at which the gradient with respect to m vanishes, so that the other derivatives hold unchanged.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bo_core.surrogate.kernel import matern52
from bo_core.surrogate.priors import (
    LENGTH_SCALE_SPREAD,
    NOISE_LOCATION,
    NOISE_SPREAD,
    length_scale_location,
)

_LOG_2PI = math.log(2.0 * math.pi)


@dataclass(frozen=True)
class TrainingData:
    """What the surrogate is fitted to: X [n, d], y [n], and known noise variances [n], NaN where to be inferred."""

    X: Tensor
    y: Tensor
    variance: Tensor

    @property
    def inferred(self) -> Tensor:
        """Return [n] 1.0 where the noise is inferred, 0.0 where it is known."""
        return self.variance.isnan().to(self.y.dtype)

    def noise(self, inferred_variance: Tensor) -> Tensor:
        """Return the noise variances [..., n] for inferred variances [...]."""
        return torch.where(self.variance.isnan(), inferred_variance.unsqueeze(-1), self.variance)


class NegativeLogPosterior:
    """−(log marginal likelihood + log prior) / n, to be minimised over θ = (log length scales [d], log noise).

    The priors are densities of the length scales and of the noise variance themselves, not of their logarithms.
    """

    def __init__(self, data: TrainingData, jitter: float) -> None:
        self.data = data
        self.jitter = jitter
        self.center = data.X.mean(0)
        self.centered = data.X - self.center

    def __call__(self, theta: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return values [b] and gradients [b, d + 1] at theta [b, d + 1]; infinite where K is not positive."""
        del rows
        n, d = self.data.X.shape
        Z = self.centered * torch.exp(-theta[:, None, :d])
        K, W = matern52(Z, Z)
        noise_variance = torch.exp(theta[:, d])
        K.diagonal(dim1=1, dim2=2).copy_(1.0 + self.jitter + self.data.noise(noise_variance))
        L, failed = torch.linalg.cholesky_ex(K)
        # What could not be factorised is masked at the end; until then it must not stop the others of the batch.
        L = torch.where((failed > 0)[:, None, None], torch.eye(n, dtype=L.dtype, device=L.device), L)
        K_inverse = torch.cholesky_inverse(L)
        residual = self.data.y - generalised_mean(K_inverse, self.data.y)[:, None]
        alpha = (K_inverse @ residual.unsqueeze(2)).squeeze(2)

        log_det = L.diagonal(dim1=1, dim2=2).log().sum(1)
        log_likelihood = -0.5 * (residual * alpha).sum(1) - log_det - 0.5 * n * _LOG_2PI
        prior, prior_gradient = _log_prior(theta, d)

        M = (alpha.unsqueeze(2) * alpha.unsqueeze(1)).sub_(K_inverse)
        by_noise = 0.5 * noise_variance * (M.diagonal(dim1=1, dim2=2) * self.data.inferred).sum(1)
        M.mul_(W)
        # ½ Σ_ij M_ij (z_i − z_j)² per feature, without a tensor of n × n × d.
        by_scale = (M.sum(2).unsqueeze(2) * Z * Z - Z * (M @ Z)).sum(1)
        gradient = torch.cat([by_scale, by_noise[:, None]], 1) + prior_gradient

        value = -(log_likelihood + prior) / n
        bad = (failed > 0) | ~torch.isfinite(value)
        return value.masked_fill(bad, torch.inf), (-gradient / n).masked_fill(bad[:, None], 0.0)


def generalised_mean(K_inverse: Tensor, y: Tensor) -> Tensor:
    """Return the constant mean [...] of highest likelihood, 1ᵀK⁻¹y / 1ᵀK⁻¹1, for K⁻¹ [..., n, n] and y [n]."""
    weights = K_inverse.sum(-1)
    return (weights @ y) / weights.sum(-1)


def _log_prior(theta: Tensor, d: int) -> tuple[Tensor, Tensor]:
    location = theta.new_tensor([length_scale_location(d)] * d + [NOISE_LOCATION])
    spread = theta.new_tensor([LENGTH_SCALE_SPREAD] * d + [NOISE_SPREAD])
    standard = (theta - location) / spread
    value = -(theta + 0.5 * standard**2 + spread.log() + 0.5 * _LOG_2PI).sum(1)
    return value, -1.0 - standard / spread
