"""Decide whether to measure a point again if its metric should be close to a target."""

import numpy as np
import torch
from torch import Tensor

from overnight.bo_core.acquisition.replication import after_pending, gains_in_best_mean
from overnight.bo_core.surrogate import Belief
from overnight.bo_core.surrogate.distance import DistanceBelief, folded_normal

_JITTER = 1e-9
_NOTHING_LEFT = 1e-7
_NODES = 48


def gains_of_measuring(belief: Belief, points: Tensor, noise: Tensor, pending: Tensor, pending_noise: Tensor) -> Tensor:
    """Return how much a measurement at each of c points [c, d] is expected to gain [c], see `gains_in_best_mean`."""
    found = gains_in_best_distance if isinstance(belief, DistanceBelief) else gains_in_best_mean
    return found(belief, points, noise, pending, pending_noise)  # pyright: ignore[reportArgumentType]


def gains_in_best_distance(
    belief: DistanceBelief, points: Tensor, noise: Tensor, pending: Tensor, pending_noise: Tensor
) -> Tensor:
    """Return how much a measurement at each of c points [c, d] is expected to reduce the least expected distance [c].

    Arguments are those of `gains_in_best_mean`. A measurement moves the means of the metric along straight lines, and
    makes the metric better known: both change the expected distances. The expectation over the outcome is computed by
    Gauss–Hermite quadrature.
    """
    c = len(points)
    mean, covariance = belief.metric.joint(torch.cat([points, pending]))
    covariance = after_pending(covariance, pending_noise, c)
    mean = mean - belief.target
    variance = covariance.diagonal(dim1=1, dim2=2).clamp(min=0.0)
    slopes = covariance[:, :, :c] / (variance[:, :c] + noise).clamp(min=_JITTER).sqrt().unsqueeze(1)
    slopes = torch.where((variance[:, :c] > _NOTHING_LEFT).unsqueeze(1), slopes, 0.0)
    now = folded_normal(mean, variance.sqrt()).mean.amin(1, keepdim=True)
    nodes, weights = (mean.new_tensor(found) for found in np.polynomial.hermite_e.hermegauss(_NODES))
    moved = mean[:, :, None, None] + slopes.unsqueeze(3) * nodes
    left = (variance.unsqueeze(2) - slopes.square()).clamp(min=0.0).sqrt()
    least = folded_normal(moved, left.unsqueeze(3)).mean.amin(1)
    expected = (least * weights).sum(2) / weights.sum()
    return (now - expected).clamp(min=0.0).mean(0).cpu()
