"""Numbers between two bounds."""

import math
from typing import Any, Protocol, Self, cast

from pydantic import model_validator

from overnight.campaign.parameters.kind import ParameterKind, Value
from overnight.campaign.values.number_line import Scale, place_of
from overnight.campaign.values.spelling import number_of


class Bounded(Protocol):
    """A number as its kinds declare it, each with bounds of its own type."""

    @property
    def low(self) -> float:
        """Return the lowest value."""
        ...

    @property
    def high(self) -> float:
        """Return the highest value."""
        ...

    @property
    def scale(self) -> Scale:
        """Return the scale of distances."""
        ...

    @property
    def unit(self) -> str | None:
        """Return the unit, if it has one."""
        ...


class NumberKind(ParameterKind):
    """A number between two bounds; each kind declares the bounds in its own type."""

    @property
    def bounds(self: Bounded) -> tuple[float, float]:
        """Return the lowest and the highest number."""
        return self.low, self.high

    @property
    def is_logarithmic(self: Bounded) -> bool:
        """Return whether distances are ratios."""
        return self.scale == "log"

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> Self:
        _check_bounds(cast(Bounded, self))
        return self

    def distance(self: Bounded, one: Value, other: Value) -> float:
        """Return the distance between two values on the parameter's scale, as a fraction of the range."""
        ends = (self.low, self.high, float(one), float(other))
        low, high, a, b = map(math.log, ends) if self.scale == "log" else ends
        if math.isinf(high - low):
            return abs(place_of(b, low, high, "linear") - place_of(a, low, high, "linear"))
        return abs(b - a) / (high - low)

    def spelled(self, text: str) -> Any:
        """Return the number that a text spells, or the text."""
        return number_of(text)

    def described(self: Bounded) -> str:
        """Return the values in words."""
        low, high = (f"{bound:g}" if isinstance(bound, float) else str(bound) for bound in (self.low, self.high))
        return f"{low} to {high}{f' {self.unit}' if self.unit else ''}{', log' if self.scale == 'log' else ''}"


def _check_bounds(number: Bounded) -> None:
    if not number.low < number.high:
        raise ValueError(f"expected low < high, got {number.low:g} and {number.high:g}")
    if number.scale == "log" and number.low <= 0:
        raise ValueError(f"expected low > 0 on a log scale, got {number.low:g}")
