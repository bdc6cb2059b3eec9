"""Joint samples of a metric at several points, widened because a model is an approximation."""

import torch
from torch import Tensor

from overnight.bo_core.surrogate import Belief, safe_cholesky
from overnight.bo_core.surrogate.distance import DistanceBelief
from overnight.bo_core.widening import WIDENING

_SAMPLES = 4096
_JITTER = 1e-9


def joint_samples(means: Tensor, covariances: Tensor, generator: torch.Generator) -> Tensor:
    """Return joint samples [c, about _SAMPLES] of the widened mixture, as many from each of its M parts."""
    L, _ = safe_cholesky(covariances, _JITTER)
    each = -(-_SAMPLES // len(means))
    normals = torch.randn(len(means), means.shape[1], each, generator=generator, dtype=torch.float64)
    # In place, because this is the most memory that a report uses.
    mean = means.mean(0)
    centers = mean + WIDENING * (means - mean)
    return (L @ normals.mul_(WIDENING)).add_(centers.unsqueeze(2)).transpose(0, 1).flatten(1)


def samples_of(belief: Belief, X: Tensor, joint: tuple[Tensor, Tensor], generator: torch.Generator) -> Tensor:
    """Return joint samples [c, about _SAMPLES] of a belief at features X [c, d], where its `joint` moments are these.

    A distance from a target is not normal; its samples are those of the metric, turned.
    """
    if not isinstance(belief, DistanceBelief):
        return joint_samples(*joint, generator)
    means, covariances = (part.cpu() for part in belief.metric.joint(X.to(belief.like)))
    return belief.turned(joint_samples(means, covariances, generator))


def mixed(means: Tensor, covariances: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean [c] and covariance [c, c] of equal shares of M normal distributions."""
    mean = means.mean(0)
    apart = means - mean
    return mean, covariances.mean(0) + apart.mT @ apart / len(means)
