"""The maps that the columns of numbers have in common: one feature, the position on the scale."""

from typing import Any

from torch import Tensor

from overnight.bo_core.data.columns.column import OneFeature
from overnight.bo_core.data.columns.scales import numbers_at, places_of


class ScaledFeature(OneFeature):
    """The position of a number between the bounds of its `parameter`, which each column declares in its own type."""

    parameter: Any

    def numbers(self, features: Tensor) -> Tensor:
        """Return the numbers [b] at features [b, 1], between two possible values as well; differentiable."""
        p = self.parameter
        return numbers_at(features[:, 0], p.low, p.high, p.scale)

    def places(self, numbers: Tensor) -> Tensor:
        """Return the features [b, 1] of numbers [b], beyond the bounds as well; differentiable."""
        p = self.parameter
        return places_of(numbers, p.low, p.high, p.scale).unsqueeze(1)
