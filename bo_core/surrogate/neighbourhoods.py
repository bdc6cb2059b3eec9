"""The likelihood of neighbourhoods: a cheap and close stand-in for the likelihood of many observations.

The observations are divided into blocks of neighbours, and the blocks count as independent (block composite likelihood,
Eidsvik et al. 2014). Unlike a part of the observations, blocks keep each one's nearest neighbours, from which short
length scales and the noise are learnt. B blocks cost a B²-th of the whole.
"""

import torch
from torch import Tensor

from overnight.bo_core.numerics.tensor_of import tensor_of
from overnight.bo_core.search.bfgs import Array
from overnight.bo_core.surrogate.kernel import KernelName
from overnight.bo_core.surrogate.marginal_likelihood import LogPosterior
from overnight.bo_core.surrogate.priors import Prior
from overnight.bo_core.surrogate.training_data import TrainingData


class NeighbourhoodLogPosterior:
    """The log marginal likelihoods of all blocks, each with its own constant mean, + log prior of θ."""

    def __init__(
        self, data: TrainingData, kernel: KernelName, prior: Prior, *, jitter: float, near: Array, halvings: int
    ) -> None:
        """Divide the data into 2^halvings blocks by the length scales of the θ that is `near` [h]."""
        self.data, self.prior = data, prior
        scales = data.groups.log_scales(tensor_of(near[: data.groups.count]).to(data.X.device)).exp()
        self.blocks = [
            LogPosterior(data.part(rows), kernel, prior, jitter=jitter)
            for rows in neighbourhoods(data.X / scales, halvings)
        ]
        self._whole = LogPosterior(data, kernel, prior, jitter=jitter)

    def __call__(self, theta: Array) -> tuple[Array, Array]:
        """Return values [b] and gradients [b, h] at θ [b, h], as a `LogPosterior` does."""
        prior, prior_gradient = self.prior.log_density(theta)
        value, gradient = prior, prior_gradient
        for block in self.blocks:
            of_block, its_gradient = block(theta)
            value = value + (of_block - prior)
            gradient = gradient + (its_gradient - prior_gradient)
        return value, gradient

    def normal_covariance(self, theta: Array) -> Array:
        """Return the covariance [h, h] of the normal approximation to the density of all data around θ [h]."""
        return self._whole.normal_covariance(theta)


def neighbourhoods(Z: Tensor, halvings: int) -> list[Tensor]:
    """Return the rows of each block of Z [u, d]: divided at the median of the widest feature, again and again."""
    blocks = [torch.arange(len(Z), device=Z.device)]
    for _ in range(halvings):
        blocks = [half for rows in blocks for half in _halved(Z, rows)]
    return blocks


def _halved(Z: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    widest = int(Z[rows].var(0).argmax())
    order = rows[Z[rows, widest].argsort(stable=True)]
    half = len(order) // 2
    return order[:half].sort().values, order[half:].sort().values
