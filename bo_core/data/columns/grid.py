"""The column of a number with a step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from overnight.bo_core.data.columns.scaled import ScaledFeature
from overnight.campaign.parameters import Stepped, Value
from overnight.campaign.values.grid import Grid
from overnight.campaign.values.number_line import log_odds, place_of, value_at


@dataclass(frozen=True)
class GridColumn(ScaledFeature):
    """A number of a grid on its scale: one feature."""

    parameter: Stepped

    @cached_property
    def levels(self) -> Grid:
        """Return every value in order."""
        grid = self.parameter.grid
        assert grid is not None
        return grid

    def features(self, value: Value) -> list[float]:
        """Return the position of the value between the bounds, on the parameter's scale."""
        assert not isinstance(value, str)
        return [self._place(value)]

    def value(self, features: Sequence[float]) -> Value:
        """Return the value nearest to the feature."""
        p, x = self.parameter, min(max(features[0], 0.0), 1.0)
        return self.levels[self.levels.nearest(value_at(x, p.low, p.high, p.scale))]

    def value_at(self, u: float) -> Value:
        """Return the value at a uniform number; each value has a cell that ends midway between it and its neighbour."""
        low, high = self._ends
        return self.value([low + u * (high - low)])

    def spread(self, u: Tensor) -> Tensor:
        """Return the features [b, 1] of the values at uniform numbers [b]."""
        low, high = self._ends
        return self.snap((low + u * (high - low)).unsqueeze(1))

    def snap(self, features: Tensor) -> Tensor:
        """Return the features [b, 1] of the values nearest to features [b, 1]."""
        p, last, x = self.parameter, self.levels.last, features.clamp(0.0, 1.0)
        if p.scale == "linear":
            return (x * last).round() / last
        if p.scale == "log":
            return (self._rounded(p.low * (p.high / p.low) ** x) / p.low).log() / math.log(p.high / p.low)
        low, high = log_odds(p.low), log_odds(p.high)
        return (self._rounded((low + x * (high - low)).sigmoid()).logit() - low) / (high - low)

    def neighbours(self, value: Value) -> list[Value]:
        """Return the values near this one, at numbers of steps that double."""
        assert not isinstance(value, str)
        i, last = self.levels.nearest(value), self.levels.last
        steps = [2**k for k in range(last.bit_length())]
        return [self.levels[i + s] for step in steps for s in (-step, step) if 0 <= i + s <= last]

    @cached_property
    def _ends(self) -> tuple[float, float]:
        """Return the outer ends of the cells of the first and the last value, which lie in the middle of their cells.

        The low bound minus half a step may have no place on the scale.
        """
        first, last = self.levels.middle(0), self.levels.middle(self.levels.last - 1)
        return -self._place(first), 2.0 - self._place(last)

    def _place(self, value: float) -> float:
        p = self.parameter
        return place_of(value, p.low, p.high, p.scale)

    def _rounded(self, numbers: Tensor) -> Tensor:
        """Return the values [b, 1] nearest to numbers [b, 1]."""
        low, step, last = self.parameter.low, self.levels.step, self.levels.last
        return low + ((numbers - low) / step).round().clamp(0, last) * step
