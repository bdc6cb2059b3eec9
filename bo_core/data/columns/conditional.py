"""The column of a parameter that is active at some points only."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.data.columns.column import Column, Movement
from overnight.campaign.parameters import Value


@dataclass(frozen=True)
class ConditionalColumn:
    """The features of a parameter, and one more that is 1 if the parameter is inactive.

    All points without the parameter have the same features: the middle of the range, or no choice. With the
    unit of the last feature, such a point is as far from either end of the range as the ends are from each
    other, and as far from every choice as two choices are. This is the wedge kernel (Horn et al. 2019, Surrogates for
    hierarchical search spaces) with an equilateral triangle, so it needs no further hyperparameter.
    """

    inner: Column

    @property
    def width(self) -> int:
        """Return the number of features."""
        return self.inner.width + 1

    @property
    def moves(self) -> Sequence[Movement]:
        """Return for each feature how a search may move it."""
        return (*self.inner.moves, "in steps")

    @property
    def units(self) -> Sequence[float]:
        """Return the difference in each feature that counts as a distance of 1."""
        return (*self.inner.units, self.inner.unit_of_absence)

    @property
    def unit_of_absence(self) -> float:
        """Return the unit of the last feature."""
        return self.inner.unit_of_absence

    @property
    def levels(self) -> Sequence[Value] | None:
        """Return every value in order; None for a continuum."""
        return self.inner.levels

    @property
    def absent(self) -> Sequence[float]:
        """Return the features of a point in which the parameter is inactive."""
        return (*self.inner.absent, 1.0)

    def features(self, value: Value) -> list[float]:
        """Return the features of a value."""
        return [*self.inner.features(value), 0.0]

    def value(self, features: Sequence[float]) -> Value:
        """Return the value nearest to the features of an active parameter."""
        return self.inner.value(features[:-1])

    def value_at(self, u: float) -> Value:
        """Return the value at a uniform number."""
        return self.inner.value_at(u)

    def spread(self, u: Tensor) -> Tensor:
        """Return the features [b, width] of the values at uniform numbers [b]."""
        return torch.nn.functional.pad(self.inner.spread(u), (0, 1))

    def snap(self, features: Tensor) -> Tensor:
        """Return the features [b, width] of the values nearest to features [b, width] of an active parameter."""
        return torch.nn.functional.pad(self.inner.snap(features[:, :-1]), (0, 1))

    def numbers(self, features: Tensor) -> Tensor:
        """Return the numbers [b] at features [b, width]."""
        return self.inner.numbers(features[:, :-1])

    def neighbours(self, value: Value) -> list[Value]:
        """Return the values one step away; empty for a continuum."""
        return self.inner.neighbours(value)

    def where(self, active: Tensor, features: Tensor) -> Tensor:
        """Return features [b, width] with those of inactive rows [b] replaced."""
        present = torch.nn.functional.pad(features[:, :-1], (0, 1))
        return torch.where(active.unsqueeze(1), present, features.new_tensor([*self.absent]))
