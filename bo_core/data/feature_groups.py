"""Groups of features with one length scale each: the indicators of a category can share one."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

_LOG_ROOT_2 = 0.5 * math.log(2.0)


@dataclass(frozen=True)
class FeatureGroups:
    """Adjacent features in g groups of these `widths`; a group has one length scale and one pair of warp exponents.

    A group of several features holds the indicators of a category. Its length scale refers to their distance divided by
    √2, which is 1 between any two choices: a Hamming distance. With `units` [d], it refers to the differences in each
    feature divided by these instead.
    """

    widths: tuple[int, ...]
    units: tuple[float, ...] | None = None

    @classmethod
    def single(cls, d: int) -> "FeatureGroups":
        """Return d groups of one feature each."""
        return cls((1,) * d)

    @property
    def count(self) -> int:
        """Return g, the number of groups."""
        return len(self.widths)

    def of_features(self, values: Tensor) -> Tensor:
        """Return each feature's value [..., d] from those of the groups [..., g]."""
        return values if self._are_single else values[..., self._group.to(values.device)]

    def log_scales(self, values: Tensor) -> Tensor:
        """Return the log length scales of the features [..., d] from those of the groups [..., g]."""
        return values if self._are_single else self.of_features(values) + self._log_units.to(values.device)

    def summed(self, by_features: Tensor) -> Tensor:
        """Return derivatives by the groups' values [..., g] from those by the features' values [..., d]."""
        # A product has the same order of sums each time, on a GPU as well.
        return by_features if self._are_single else by_features @ self._membership.to(by_features)

    @cached_property
    def _are_single(self) -> bool:
        return max(self.widths, default=1) == 1

    @cached_property
    def _group(self) -> Tensor:
        """Return the group [d] of each feature."""
        return torch.arange(self.count).repeat_interleave(torch.tensor(self.widths))

    @cached_property
    def _membership(self) -> Tensor:
        """Return 1 for each feature [d, g] in its group, otherwise 0."""
        return torch.nn.functional.one_hot(self._group, self.count).double()

    @cached_property
    def _log_units(self) -> Tensor:
        """Return the log length scale [d] of each feature in a group whose length scale is 1."""
        if self.units is not None:
            return torch.tensor(self.units, dtype=torch.float64).log()
        units = [_LOG_ROOT_2 if width > 1 else 0.0 for width in self.widths]
        return torch.tensor(units, dtype=torch.float64)[self._group]
