"""The column of a choice without an order."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from overnight.bo_core.data.columns.column import Movement, share, shares
from overnight.campaign.parameters import Listed, Value


@dataclass(frozen=True)
class CornersColumn:
    """A choice among unordered ones: one feature for each, 1 for the chosen one."""

    unit_of_absence: ClassVar[float] = math.sqrt(2.0)

    parameter: Listed

    @property
    def moves(self) -> Sequence[Movement]:
        """Return that choices change in steps."""
        return ("in steps",) * self.width

    @property
    def units(self) -> Sequence[float]:
        """Return √2: two choices differ by 1 in two features."""
        return (self.unit_of_absence,) * self.width

    @property
    def absent(self) -> Sequence[float]:
        """Return that nothing is chosen."""
        return (0.0,) * self.width

    @property
    def width(self) -> int:
        """Return the number of features."""
        return len(self.parameter.listed)

    @property
    def levels(self) -> Sequence[Value]:
        """Return every choice."""
        return self.parameter.listed

    def features(self, value: Value) -> list[float]:
        """Return the indicator of the choice."""
        chosen = self.parameter.listed.index(value)
        return [float(i == chosen) for i in range(self.width)]

    def value(self, features: Sequence[float]) -> Value:
        """Return the choice with the largest feature."""
        return self.parameter.listed[max(range(self.width), key=lambda i: features[i])]

    def value_at(self, u: float) -> Value:
        """Return the choice whose equal share holds the uniform number."""
        return share(self.levels, u)

    def spread(self, u: Tensor) -> Tensor:
        """Return the indicators [b, width] of the choices whose equal shares hold the uniform numbers [b]."""
        return torch.nn.functional.one_hot(shares(self.width, u), self.width).double()

    def snap(self, features: Tensor) -> Tensor:
        """Return the indicators [b, width] of the largest features [b, width]."""
        return torch.nn.functional.one_hot(features.argmax(1), self.width).double()

    def numbers(self, features: Tensor) -> Tensor:
        """Return the numbers [b] at features [b, width]; the choices are numbers."""
        return features @ features.new_tensor([float(value) for value in self.levels])

    def neighbours(self, value: Value) -> list[Value]:
        """Return every other choice."""
        return [choice for choice in self.parameter.listed if choice != value]
