"""The belief about minus the distance of a metric from a target, which follows from the belief about the metric."""

from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.surrogate.belief import Belief
from overnight.bo_core.surrogate.distance.folded_normal import Folded, folded_normal
from overnight.bo_core.surrogate.hyperparameters import Record
from overnight.bo_core.surrogate.metric_draws import Conditional, MetricDraws, PullBack
from overnight.bo_core.surrogate.training_data import TrainingData


@dataclass(frozen=True)
class DistanceBelief:
    """A `Belief` about −|f − target|, given one about the metric f; the target is on the scale of the metric.

    Means and variances are exact, although the distribution is not normal: the distance is a folded normal. Covariances
    are those of the best straight lines through the distance. Draws are draws of f that are turned, and so exact.
    """

    metric: Belief
    target: float

    @property
    def set_count(self) -> int:
        """Return M, the number of sets of hyperparameters."""
        return self.metric.set_count

    @property
    def like(self) -> Tensor:
        """Return a tensor with the type and the device of all inputs and outputs."""
        return self.metric.like

    @property
    def scales(self) -> Tensor:
        """Return the lengths [d] over which the metric changes along each feature."""
        return self.metric.scales

    @property
    def jitter(self) -> float:
        """Return the jitter of the metric's belief."""
        return self.metric.jitter

    def turned(self, f: Tensor) -> Tensor:
        """Return minus the distances of values of the metric from the target, so that more is better."""
        return -(f - self.target).abs()

    def joint(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means [M, b] and covariances [M, b, b] of minus the distance at features X [b, d].

        The slope of the best straight line through the distance is the derivative of its mean. What the line does not
        explain of a variance is independent of other points.
        """
        mean, covariance = self.metric.joint(X)
        found = self._folded(mean, covariance.diagonal(dim1=1, dim2=2).clamp(min=0.0).sqrt())
        slope = found.by_mean
        lines = slope.unsqueeze(2) * covariance * slope.unsqueeze(1)
        rest = (found.variance - lines.diagonal(dim1=1, dim2=2)).clamp(min=0.0)
        return -found.mean, lines + torch.diag_embed(rest)

    def marginal(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means and standard deviations [M, b] of minus the distance at features X [b, d]."""
        found = self._folded(*self.metric.marginal(X))
        return -found.mean, found.variance.sqrt()

    def averaged(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and standard deviation [b] of the mixture over all sets of hyperparameters."""
        mean, sd = self.marginal(X)
        middle = mean.mean(0)
        return middle, ((sd * sd).mean(0) + ((mean - middle) ** 2).mean(0)).sqrt()

    def bounds_at_data(self, deviations: float) -> tuple[Tensor, Tensor]:
        """Return bounds of minus the distance at the distinct observed points [M, u], from those of the metric."""
        low, high = self.metric.bounds_at_data(deviations)
        outside = torch.maximum(low - self.target, self.target - high).clamp(min=0.0)
        return torch.minimum(self.turned(low), self.turned(high)), -outside

    def replicate_noise(self, data: TrainingData) -> Tensor:
        """Return the noise variances [M, u] of the metric if each distinct observed point is measured once more."""
        return self.metric.replicate_noise(data)

    def drawn(self, points: Tensor, normals: Tensor) -> "DistanceDraws":
        """Return draws at `points` [r, d] from standard normals [M, S, r + more], the last for later points."""
        return DistanceDraws(self, self.metric.drawn(points, normals))

    def as_record(self) -> Record:
        """Return the learnt numbers of the metric's belief, bit-exact, by name."""
        return self.metric.as_record()

    def _folded(self, mean: Tensor, sd: Tensor) -> Folded:
        return folded_normal(mean - self.target, sd)


@dataclass(frozen=True)
class DistanceDraws:
    """Draws of minus the distance; given a draw, only the metric itself is normal at a candidate, so `at` is about it.

    Utilities of the distance are those of `overnight.bo_core.acquisition.distance`.
    """

    belief: DistanceBelief
    of_metric: MetricDraws

    @property
    def values(self) -> Tensor:
        """Return the draws [M, r, S] of minus the distance."""
        return self.belief.turned(self.of_metric.values)

    @property
    def jitter(self) -> float:
        """Return the variance that was added to that of the metric."""
        return self.of_metric.jitter

    def at(self, X: Tensor, draws: int | None = None) -> Conditional:
        """Return the metric at candidates X [b, d], given each draw or the first `draws` of them."""
        return self.of_metric.at(X, draws)

    def at_with_pull_back(self, X: Tensor) -> tuple[Conditional, PullBack]:
        """Return the metric at candidates X [b, d], and a function from its derivatives to those by X."""
        return self.of_metric.at_with_pull_back(X)

    def add(self, x: Tensor) -> None:
        """Add the chosen candidate x [d] to the draws."""
        self.of_metric.add(x)
