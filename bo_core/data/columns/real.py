"""The column of a real number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from overnight.bo_core.data.columns.column import Movement
from overnight.bo_core.data.columns.scaled import ScaledFeature
from overnight.campaign.parameters import Bounded, Value
from overnight.campaign.values.number_line import place_of, value_at


@dataclass(frozen=True)
class RealColumn(ScaledFeature):
    """A real number on its scale: one feature."""

    moves: ClassVar[Sequence[Movement]] = ("continuous",)
    levels: ClassVar[None] = None

    parameter: Bounded

    def features(self, value: Value) -> list[float]:
        """Return the position of the value between the bounds, on the parameter's scale."""
        p = self.parameter
        assert not isinstance(value, str)
        return [place_of(value, p.low, p.high, p.scale)]

    def value(self, features: Sequence[float]) -> Value:
        """Return the value at the feature."""
        p = self.parameter
        return float(min(max(value_at(features[0], p.low, p.high, p.scale), p.low), p.high))

    def value_at(self, u: float) -> Value:
        """Return the value at a uniform number."""
        return self.value([u])

    def spread(self, u: Tensor) -> Tensor:
        """Return the uniform numbers [b] as features [b, 1]."""
        return u.unsqueeze(1)

    def snap(self, features: Tensor) -> Tensor:
        """Return the features [b, 1]: every feature has a value."""
        return features

    def neighbours(self, value: Value) -> list[Value]:
        """Return no values: a continuum has no steps."""
        del value
        return []
