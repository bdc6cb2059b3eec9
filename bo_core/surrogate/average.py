"""Draw hyperparameters from their posterior, so that predictions do not rely on a single set.

A short preconditioned Langevin walk with acceptance (Roberts and Stramer 2002), many chains at once, started from the
normal approximation at the mode. The walk corrects the errors of the approximation, and costs a few batched
evaluations.
"""

import numpy as np
import torch

from overnight.bo_core.numerics.tensor_of import tensor_of
from overnight.bo_core.search.bfgs import Array
from overnight.bo_core.surrogate.marginal_likelihood import LogPosterior

_ROUNDS = 12


def draw_hyperparameters(log_posterior: LogPosterior, mode: Array, count: int, generator: torch.Generator) -> Array:
    """Return `count` draws [count, h] of θ from the density `log_posterior`, started around its `mode` [h]."""
    root = _symmetric_root(log_posterior.normal_covariance(mode))
    prior, h = log_posterior.prior, len(mode)
    normals, chances = walk_numbers(count, h, generator)
    step = 1.2 * h ** (-1.0 / 6.0)
    theta = np.clip(mode + normals[0] @ root.T, prior.low, prior.high)
    value, gradient = log_posterior(theta)
    lost = np.isneginf(value)
    if lost.any():
        theta[lost] = mode
        value, gradient = log_posterior(theta)
    for noise, chance in zip(normals[1:], chances, strict=True):
        # In coordinates in which the normal approximation is standard normal.
        drift = 0.5 * step**2 * (gradient @ root)
        trial = theta + (drift + step * noise) @ root.T
        inside = ((trial >= prior.low) & (trial <= prior.high)).all(1)
        trial = np.where(inside[:, None], trial, theta)
        trial_value, trial_gradient = log_posterior(trial)
        back = -noise - (drift + 0.5 * step**2 * (trial_gradient @ root)) / step
        log_ratio = trial_value - value - 0.5 * (back * back).sum(1) + 0.5 * (noise * noise).sum(1)
        taken = inside & (chance < log_ratio)
        theta = np.where(taken[:, None], trial, theta)
        value = np.where(taken, trial_value, value)
        gradient = np.where(taken[:, None], trial_gradient, gradient)
    return theta


def walk_numbers(count: int, h: int, generator: torch.Generator) -> tuple[Array, Array]:
    """Return the numbers that `count` walks take from the generator: normals [rounds + 1, count, h] and log chances."""
    normals = torch.randn(_ROUNDS + 1, count, h, generator=generator, dtype=torch.float64).numpy()
    return normals, torch.rand(_ROUNDS, count, generator=generator, dtype=torch.float64).log().numpy()


def _symmetric_root(covariance: Array) -> Array:
    """Return a root [h, h] of a covariance that does not depend on its eigenvectors' arbitrary signs and directions.

    Data that differ by rounding then get the same draws. Computed by torch, whose threads are recorded.
    """
    values, vectors = (found.numpy() for found in torch.linalg.eigh(tensor_of(covariance)))
    return vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
