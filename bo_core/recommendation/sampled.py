"""Joint samples of several metrics at the measured points, in which exact measurements count as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.acquisition.limited import lies_within
from overnight.bo_core.limits import Limits
from overnight.bo_core.model import Model
from overnight.bo_core.recommendation.contest import Contest
from overnight.bo_core.recommendation.joint_samples import joint_samples, mixed


@dataclass(frozen=True)
class Sampled:
    """The `means` [n] and joint samples, the `values` [n, S], of each objective at points; more is better.

    `feasible` [n, S] is whether a point meets all constraints in a sample. Metrics are independent.
    """

    means: Mapping[str, Tensor]
    values: Mapping[str, Tensor]
    feasible: Tensor

    @classmethod
    def of(cls, contest: Contest, objectives: Sequence[str], X: Tensor, generator: torch.Generator) -> "Sampled":
        """Draw at points X [n, d]; the objectives come first."""
        n, limits = len(X), contest.limits
        points = X if limits is None else torch.cat([X, limits.baseline.cpu()])
        metrics = dict.fromkeys((*objectives, *(() if limits is None else limits.allowed)))
        drawn = {metric: _drawn(contest.models[metric], points, generator) for metric in metrics}
        values = {metric: values for metric, (_, values) in drawn.items()}
        feasible = torch.ones_like(values[objectives[0]][:n], dtype=torch.bool)
        if limits is not None:
            feasible = _feasible(contest, limits, X, values)
        means = {metric: drawn[metric][0][:n] for metric in objectives}
        return cls(means, {metric: values[metric][:n] for metric in objectives}, feasible)

    def share_better(self, row: int, than: int) -> float:
        """Return the share of samples in which a point is better than another one in every objective."""
        better = [value[row] > value[than] for value in self.values.values()]
        return float(torch.stack(better).all(0).double().mean())


def _drawn(model: Model, X: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the means [n] and joint samples [n, S] of a metric at points X [n, d].

    A model knows exact measurements only up to its jitter, which would decide which of two equal values is better.
    """
    means, covariances = (part.cpu() for part in model.posterior.joint(X.to(model.device)))
    mean, values = mixed(means, covariances)[0], joint_samples(means, covariances, generator)
    known, y = exact_at(model, X)
    return torch.where(known, y, mean), torch.where(known.unsqueeze(1), y.unsqueeze(1), values)


def exact_at(model: Model, X: Tensor) -> tuple[Tensor, Tensor]:
    """Return whether points X [n, d] were measured without noise [n], and the outcomes there [n], else 0."""
    observed = model.observed
    exact = observed.outcomes.variance == 0.0
    if not bool(exact.any()):
        return torch.zeros(len(X), dtype=torch.bool), X.new_zeros(len(X))
    same = (X.unsqueeze(1) == observed.X[exact]).all(2)
    known = same.any(1)
    return known, observed.outcomes.y[exact][same.to(torch.uint8).argmax(1)].where(known, X.new_zeros(()))


def _feasible(contest: Contest, limits: Limits, X: Tensor, values: Mapping[str, Tensor]) -> Tensor:
    """Return whether points X [n, d] meet all limits in samples [n, S], given `values` [n or n + 1, S].

    A value of which that is certain may lie on a limit, and rounding does not decide.
    """
    n, found = len(X), torch.ones(1, dtype=torch.bool)
    met = limits.probabilities(contest.beliefs, X.to(contest.model.device)).each
    for metric, allowed in limits.allowed.items():
        each = torch.stack([met[str(limit)] for limit in limits.constraints if limit.metric == metric]).amin(0)
        low, high = allowed.ends(values[metric].unsqueeze(0), n if len(limits.baseline) else None)
        within = lies_within(values[metric][:n].unsqueeze(0), low, high)[0]
        found = found & (within | (each == 1.0).unsqueeze(1)) & (each > 0.0).unsqueeze(1)
    return found
