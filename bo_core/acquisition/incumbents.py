"""The incumbents: the best value in each draw, and the observed points that could hold it."""

import torch
from torch import Tensor

from overnight.bo_core.surrogate import Belief, safe_cholesky
from overnight.bo_core.surrogate.distance import DistanceBelief

_JITTER = 1e-8
BOUND_DEVIATIONS = 5.0
_MOST_SAMPLED = 256


def best_in_each_draw(values: Tensor, eligible: Tensor) -> Tensor:
    """Return the largest of `values` [M, r, S] at `eligible` points [M, r, S]: [M, 1, S], −∞ without any."""
    worst = values.new_full((values.shape[0], 1, values.shape[2]), -torch.inf)
    return torch.cat([worst, values.masked_fill(~eligible, -torch.inf)], 1).amax(1, keepdim=True)


def could_be_best(
    belief: Belief, X: Tensor, generator: torch.Generator, samples: int = 1024, *, among: Tensor | None = None
) -> Tensor:
    """Return the indices of those observed points X [n, d] that are the best in at least one joint sample of f.

    The most frequent ones come first. Only those `among` [n] count, if it is given.

    Points whose upper bounds do not reach the best lower bound are left out beforehand. Of the others only the most
    hopeful are sampled, so that thousands of observations cost little.
    """
    low, high = (only(bound, among) for bound in belief.bounds_at_data(BOUND_DEVIATIONS))
    hopeful = torch.nonzero((high >= low.amax(1, keepdim=True)).any(0)).squeeze(1)
    hopeful = most_hopeful(hopeful, high.mean(0))
    best, times = torch.unique(sampled(belief, X[hopeful], generator, samples).argmax(1), return_counts=True)
    return hopeful[best[times.argsort(descending=True, stable=True)]]


def only(values: Tensor, among: Tensor | None) -> Tensor:
    """Return values [..., n] with −∞ for those that are not `among` [n] the points that count; unchanged without."""
    return values if among is None else values.masked_fill(~among, -torch.inf)


def most_hopeful(hopeful: Tensor, hope: Tensor) -> Tensor:
    """Return the given indices, or the most hopeful ones of very many, in ascending order."""
    if len(hopeful) <= _MOST_SAMPLED:
        return hopeful
    return hopeful[hope[hopeful].argsort(descending=True)[:_MOST_SAMPLED]].sort().values


def sampled(belief: Belief, X: Tensor, generator: torch.Generator, samples: int) -> Tensor:
    """Return joint samples [M, c, about samples / M] of f at features X [c, d]."""
    if isinstance(belief, DistanceBelief):
        return belief.turned(sampled(belief.metric, X, generator, samples))
    mean, covariance = belief.joint(X)
    L, _ = safe_cholesky(covariance, _JITTER)
    each = max(samples // belief.set_count, 64)
    normals = torch.randn(belief.set_count, len(X), each, generator=generator, dtype=torch.float64).to(belief.like)
    return mean.unsqueeze(2) + L @ normals
