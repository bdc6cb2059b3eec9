"""The column of a choice with an order."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from overnight.bo_core.data.columns.column import OneFeature, share, shares
from overnight.campaign.parameters import Listed, Value


@dataclass(frozen=True)
class StepsColumn(OneFeature):
    """A choice among ordered ones: one feature, evenly spaced."""

    parameter: Listed

    @property
    def levels(self) -> Sequence[Value]:
        """Return every choice."""
        return self.parameter.listed

    def features(self, value: Value) -> list[float]:
        """Return the choice's position between the first and the last."""
        return [self.levels.index(value) / (len(self.levels) - 1)]

    def value(self, features: Sequence[float]) -> Value:
        """Return the choice nearest to the feature."""
        last = len(self.levels) - 1
        return self.levels[min(max(round(features[0] * last), 0), last)]

    def value_at(self, u: float) -> Value:
        """Return the choice whose equal share holds the uniform number."""
        return share(self.levels, u)

    def spread(self, u: Tensor) -> Tensor:
        """Return the features [b, 1] of the choices whose equal shares hold the uniform numbers [b]."""
        return (shares(len(self.levels), u).double() / (len(self.levels) - 1)).unsqueeze(1)

    def snap(self, features: Tensor) -> Tensor:
        """Return the features [b, 1] of the choices nearest to features [b, 1]."""
        last = len(self.levels) - 1
        return (features * last).round().clamp(0, last) / last

    def numbers(self, features: Tensor) -> Tensor:
        """Return the numbers [b] at features [b, 1], between two choices by interpolation; the choices are numbers."""
        numbers = features.new_tensor([float(value) for value in self.levels])
        at = (features[:, 0] * (len(numbers) - 1)).clamp(0, len(numbers) - 1)
        below = at.detach().floor().long().clamp(max=len(numbers) - 2)
        return numbers[below] + (at - below) * (numbers[below + 1] - numbers[below])

    def neighbours(self, value: Value) -> list[Value]:
        """Return the previous and the next choice."""
        i = self.levels.index(value)
        return [self.levels[j] for j in (i - 1, i + 1) if 0 <= j < len(self.levels)]
