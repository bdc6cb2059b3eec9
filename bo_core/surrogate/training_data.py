"""Training data of the surrogate: features, outcomes and known noise, with replicates pooled."""

from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.bo_core.surrogate.errors import SharedErrors, Shortfall


@dataclass(frozen=True)
class TrainingData:
    """u distinct observations, each the mean of `count` replicates.

    `X` [u, d], `y` [u]; one replicate's noise variance is `known` [u] + `inferred` [u] (0 or 1) × σ², with σ² a
    hyperparameter. `scatter` [u] is the sum of squares of the replicates about their mean, which is all the information
    about the noise that the means lack. `groups` are the features that share a length scale. If they are `many`, their
    fit and their matrices are computed in the ways that save time (docs/decisions/0036-many-observations.md).

    The `errors` are those that observations share, see that class. Such observations are not many.
    """

    X: Tensor
    y: Tensor
    known: Tensor
    inferred: Tensor
    count: Tensor
    scatter: Tensor
    groups: FeatureGroups
    many: bool = False
    errors: SharedErrors | None = None

    @classmethod
    def of(
        cls,
        X: Tensor,
        y: Tensor,
        variance: Tensor,
        groups: FeatureGroups | None = None,
        *,
        extra_noise: bool = False,
        missing: Tensor | None = None,
        runs: Tensor | None = None,
    ) -> "TrainingData":
        """Return observations as in `single`, with replicates, which are rows of the same X and variance, pooled.

        Those at full fidelity miss nothing of it; `missing` [n] is 1 at the lowest fidelity. `runs` [n] are the numbers
        of the runs, see `Shortfall`.

        This loses nothing, because the likelihood is that of the single rows.
        """
        errors = None if missing is None else Shortfall(missing, runs)
        rows = cls.single(X, y, variance, groups, extra_noise=extra_noise, errors=errors)
        apart = [each[:, None].to(rows.X) for each in (missing, runs) if each is not None]
        replicates = _replicates(torch.cat([rows.X, rows.known[:, None], rows.inferred[:, None], *apart], 1))
        if replicates is None:
            return rows
        group, first = replicates
        count = torch.bincount(group).to(rows.y)
        # About the group's first outcome, so that replicates that agree have a scatter of exactly 0.
        gap = rows.y - rows.y[first][group]
        zero = torch.zeros_like(count)
        mean_gap = zero.index_add(0, group, gap) / count
        scatter = zero.index_add(0, group, (gap - mean_gap[group]) ** 2)
        y, known, inferred = rows.y[first] + mean_gap, rows.known[first], rows.inferred[first]
        errors = None if rows.errors is None else rows.errors.part(first)
        return cls(rows.X[first], y, known, inferred, count, scatter, rows.groups, errors=errors)

    @classmethod
    def single(
        cls,
        X: Tensor,
        y: Tensor,
        variance: Tensor,
        groups: FeatureGroups | None = None,
        *,
        extra_noise: bool = False,
        errors: SharedErrors | None = None,
    ) -> "TrainingData":
        """Return observations X [n, d], y [n] with noise variances [n], NaN if they are to be inferred.

        With `extra_noise`, σ² is inferred in addition to the known variances. Without `groups`, no features share a
        length scale. Replicates stay apart.
        """
        X, y, variance = X.double(), y.double(), variance.double()
        groups = groups or FeatureGroups.single(X.shape[1])
        unknown = variance.isnan()
        known = torch.where(unknown, 0.0, variance)
        inferred = torch.ones_like(y) if extra_noise else unknown.double()
        return cls(X, y, known, inferred, torch.ones_like(y), torch.zeros_like(y), groups, errors=errors)

    @property
    def replicates(self) -> float:
        """Return n, the number of observations before pooling."""
        return float(self.count.sum())

    def replicate_noise(self, noise_variance: Tensor) -> Tensor:
        """Return the noise variances [..., u] of one replicate for inferred variances [...]."""
        return self.known + self.inferred * noise_variance.unsqueeze(-1)

    def noise(self, noise_variance: Tensor) -> Tensor:
        """Return the noise variances [..., u] of y for inferred variances [...]."""
        return self.replicate_noise(noise_variance) / self.count

    def to(self, device: torch.device) -> "TrainingData":
        """Return a copy on a device; pooling happens before, because sums on a GPU have no fixed order."""
        X, y, known, inferred, count, scatter = (
            t.to(device) for t in (self.X, self.y, self.known, self.inferred, self.count, self.scatter)
        )
        errors = None if self.errors is None else self.errors.to(device)
        return TrainingData(X, y, known, inferred, count, scatter, self.groups, self.many, errors)

    def part(self, rows: Tensor) -> "TrainingData":
        """Return the observations at these rows, which count as many if all do."""
        X, y, known, inferred, count, scatter = (
            t[rows] for t in (self.X, self.y, self.known, self.inferred, self.count, self.scatter)
        )
        errors = None if self.errors is None else self.errors.part(rows)
        return TrainingData(X, y, known, inferred, count, scatter, self.groups, self.many, errors)


def _replicates(rows: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return each row's group [n] and each group's first row, in order of first appearance; None if all differ."""
    _, inverse = torch.unique(rows, dim=0, return_inverse=True)
    if int(inverse.max()) + 1 == len(rows):
        return None
    seen: dict[int, int] = {}
    first: list[int] = []
    group: list[int] = []
    for i, label in enumerate(inverse.tolist()):
        if label not in seen:
            seen[label] = len(first)
            first.append(i)
        group.append(seen[label])
    return torch.tensor(group, device=rows.device), torch.tensor(first, device=rows.device)
