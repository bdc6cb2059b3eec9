"""The column of a whole number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from overnight.bo_core.data.columns.scaled import ScaledFeature
from overnight.campaign.parameters import Value
from overnight.campaign.values.number_line import Scale, place_of, value_at


class WholeNumbers(Protocol):
    """Whole numbers between two bounds, both included."""

    @property
    def low(self) -> int:
        """Return the lowest value."""
        ...

    @property
    def high(self) -> int:
        """Return the highest value."""
        ...

    @property
    def scale(self) -> Scale:
        """Return the scale of distances."""
        ...

    @property
    def levels(self) -> Sequence[Value]:
        """Return every value in order."""
        ...


@dataclass(frozen=True)
class WholeColumn(ScaledFeature):
    """A whole number on its scale: one feature."""

    parameter: WholeNumbers

    @property
    def levels(self) -> Sequence[Value]:
        """Return every value in order."""
        return self.parameter.levels

    def features(self, value: Value) -> list[float]:
        """Return the position of the value between the bounds, on the parameter's scale."""
        p = self.parameter
        assert not isinstance(value, str)
        return [place_of(value, p.low, p.high, p.scale)]

    def value(self, features: Sequence[float]) -> Value:
        """Return the whole number nearest to the feature."""
        p = self.parameter
        return self._nearest(value_at(features[0], p.low, p.high, p.scale))

    def value_at(self, u: float) -> Value:
        """Return the value at a uniform number; each value has a cell of its natural size."""
        p = self.parameter
        low, high = p.low - 0.5, p.high + 0.5
        return self._nearest(low * (high / low) ** u if p.scale == "log" else low + u * (high - low))

    def _nearest(self, number: float) -> int:
        return int(min(max(round(number), self.parameter.low), self.parameter.high))

    def spread(self, u: Tensor) -> Tensor:
        """Return the features [b, 1] of the values at uniform numbers [b]."""
        return self._whole(u.unsqueeze(1), self.parameter.low - 0.5, self.parameter.high + 0.5)

    def snap(self, features: Tensor) -> Tensor:
        """Return the features [b, 1] of the values nearest to features [b, 1]."""
        return self._whole(features, self.parameter.low, self.parameter.high)

    def _whole(self, x: Tensor, low: float, high: float) -> Tensor:
        """Return the features of the whole numbers at shares x of the way from low to high on the scale."""
        p = self.parameter
        if p.scale == "log":
            number = (low * (high / low) ** x).round().clamp(p.low, p.high)
            return (number / p.low).log() / math.log(p.high / p.low)
        return ((low + x * (high - low)).round().clamp(p.low, p.high) - p.low) / (p.high - p.low)

    def neighbours(self, value: Value) -> list[Value]:
        """Return the whole numbers near the value, at distances that double."""
        p = self.parameter
        assert not isinstance(value, str)
        steps = [2**i for i in range((p.high - p.low).bit_length())]
        return [int(value) + s for step in steps for s in (-step, step) if p.low <= int(value) + s <= p.high]
