"""The column of a choice without an order."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.data.columns.column import share, shares
from overnight.campaign.parameters import Listed, Value


@dataclass(frozen=True)
class CornersColumn:
    """A choice among unordered ones: one feature for each, 1 for the chosen one."""

    parameter: Listed

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

    def neighbours(self, value: Value) -> list[Value]:
        """Return every other choice."""
        return [choice for choice in self.parameter.listed if choice != value]
