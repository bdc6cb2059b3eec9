"""Draws hyperparameters from their posterior, so that predictions do not trust one set more than the data do.

A short preconditioned Langevin walk with acceptance (Roberts and Stramer 2002), many chains at once, started from the
normal approximation at the mode: what the approximation gets wrong, the walk corrects, and its cost is a few batched
evaluations.
"""

import torch
from torch import Tensor

from bo_core.surrogate.marginal_likelihood import LogPosterior

_ROUNDS = 12
_FINITE_STEP = 1e-4


def draw_hyperparameters(log_posterior: LogPosterior, mode: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return `count` draws [count, h] of θ, whose density `log_posterior` is, from around its `mode` [h]."""
    root = _root_of_covariance(log_posterior, mode)
    prior = log_posterior.prior
    low, high = prior.low.to(mode), prior.high.to(mode)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(mode)

    h = len(mode)
    step = 1.2 * h ** (-1.0 / 6.0)
    theta = (mode + normal(count, h) @ root.mT).clamp(low, high)
    value, gradient = log_posterior(theta)
    lost = ~torch.isfinite(value)
    theta[lost] = mode
    value, gradient = log_posterior(theta)
    for _ in range(_ROUNDS):
        drift = 0.5 * step**2 * (gradient @ root)
        noise = normal(count, h)
        trial = theta + (drift + step * noise) @ root.mT
        trial_value, trial_gradient = log_posterior(trial)
        back = (-step * noise - drift - 0.5 * step**2 * (trial_gradient @ root)) / step
        log_ratio = trial_value - value - 0.5 * (back * back).sum(1) + 0.5 * (noise * noise).sum(1)
        inside = ((trial >= low) & (trial <= high)).all(1)
        uniform = torch.rand(count, generator=generator, dtype=torch.float64).to(mode)
        taken = inside & (uniform.log() < log_ratio)
        theta = torch.where(taken.unsqueeze(1), trial, theta)
        value = torch.where(taken, trial_value, value)
        gradient = torch.where(taken.unsqueeze(1), trial_gradient, gradient)
    return theta


def _root_of_covariance(log_posterior: LogPosterior, mode: Tensor) -> Tensor:
    """Return a root [h, h] of the covariance of the normal approximation, from differences of the gradient.

    Directions in which the density is flat or bends upwards get the prior's own curvature instead.
    """
    h = len(mode)
    steps = _FINITE_STEP * torch.eye(h, dtype=mode.dtype, device=mode.device)
    _, gradient = log_posterior(torch.cat([mode + steps, mode - steps]))
    precision = (gradient[h:] - gradient[:h]) / (2.0 * _FINITE_STEP)
    spread = log_posterior.prior.spread.to(mode)
    # In units of the prior's spread every eigenvalue should be 1, from the prior, or more.
    scaled = spread.unsqueeze(1) * (0.5 * (precision + precision.mT)) * spread
    values, vectors = torch.linalg.eigh(scaled)
    # The symmetric root is the one that does not depend on the eigenvectors' arbitrary signs and, where eigenvalues
    # are alike, directions: data that differ by rounding get the same draws.
    return spread.unsqueeze(1) * ((vectors * values.clamp(min=1.0).rsqrt()) @ vectors.mT)
