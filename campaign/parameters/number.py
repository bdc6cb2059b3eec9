"""Numbers between two bounds."""

import math
from contextlib import suppress
from typing import Any, Protocol, Self, cast

from pydantic import model_validator

from overnight.campaign.parameters.kind import ParameterKind, Value
from overnight.campaign.values.grid import Grid, grid_of, short
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
    def step(self) -> float | None:
        """Return the distance between neighbouring values; None without a grid."""
        ...

    @property
    def scale(self) -> Scale:
        """Return the scale of distances."""
        ...

    @property
    def unit(self) -> str | None:
        """Return the unit, if it has one."""
        ...

    def canonical(self, value: Any) -> Value:
        """Return a value in range as the parameter's type."""
        ...


class Stepped(Bounded, Protocol):
    """A number of which a step leaves only the values of a grid."""

    @property
    def grid(self) -> Grid | None:
        """Return the values."""
        ...


class NumberKind(ParameterKind):
    """A number between two bounds; each kind declares the bounds and the step in its own type."""

    @property
    def bounds(self: Bounded) -> tuple[float, float]:
        """Return the lowest and the highest number."""
        return self.low, self.high

    @property
    def grid(self: Bounded) -> Grid | None:
        """Return the values that have a `step` between them; None without a step."""
        return None if self.step is None else grid_of(self.low, self.high, self.step)

    @property
    def is_logarithmic(self: Bounded) -> bool:
        """Return whether distances are ratios."""
        return self.scale == "log"

    @property
    def is_logit(self: Bounded) -> bool:
        """Return whether distances are ratios of odds."""
        return self.scale == "logit"

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> Self:
        _check_bounds(cast(Bounded, self))
        return self

    def distance(self: Bounded, one: Value, other: Value) -> float:
        """Return the distance between two values on the parameter's scale, as a fraction of the range."""
        if self.scale == "logit":
            return abs(_place(self, other) - _place(self, one))
        ends = (self.low, self.high, float(one), float(other))
        low, high, a, b = map(math.log, ends) if self.scale == "log" else ends
        if math.isinf(high - low):
            return abs(place_of(b, low, high, "linear") - place_of(a, low, high, "linear"))
        return abs(b - a) / (high - low)

    def elsewhere(self: Bounded, value: Any) -> Value:
        """Return a number that may be out of range, whole if the bounds are; a ValueError describes such numbers."""
        with suppress(ValueError):
            return self.canonical(value)
        whole = isinstance(self.low, int)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError("a whole number" if whole else "a number")
        if whole and value != int(value):
            raise ValueError("a whole number")
        return int(value) if whole else float(value)

    def spelled(self, text: str) -> Any:
        """Return the number that a text spells, or the text."""
        return number_of(text)

    def described(self: Bounded) -> str:
        """Return the values in words."""
        low, high = (f"{bound:g}" if isinstance(bound, float) else str(bound) for bound in (self.low, self.high))
        if self.step is not None:
            low, high = short(self.low), short(self.high)
        unit, steps = f" {self.unit}" if self.unit else "", steps_of(self.step)
        return f"{low} to {high}{unit}{steps}{f', {self.scale}' if self.scale != 'linear' else ''}"


def steps_of(step: float | None) -> str:
    """Return the words about a step that follow a range; empty without a step."""
    return "" if step is None else f" in steps of {short(step)}"


def on_grid(grid: Grid, value: float, expected: str) -> float:
    """Return the grid's value that a number equals within rounding; the text of a ValueError names the nearest ones."""
    if not math.isfinite(value):
        raise ValueError(expected)
    if (equal := grid.equal_to(value)) is not None:
        return equal
    if not grid[0] < value < grid[-1]:
        raise ValueError(expected)
    below, above = map(short, grid.around(value))
    raise ValueError(f"{expected} (the nearest are {below} and {above})")


def _place(number: Bounded, value: Value) -> float:
    return place_of(float(value), number.low, number.high, number.scale)


def _check_bounds(number: Bounded) -> None:
    if not number.low < number.high:
        raise ValueError(f"expected low < high, got {number.low:g} and {number.high:g}")
    if number.scale == "log" and number.low <= 0:
        raise ValueError(f"expected low > 0 on a log scale, got {number.low:g}")
    if number.scale == "logit" and number.low <= 0:
        raise ValueError(f"expected low > 0 on a logit scale, got {number.low:g}")
    if number.scale == "logit" and number.high >= 1:
        raise ValueError(f"expected high < 1 on a logit scale, got {number.high:g}")
    if number.step is not None:
        grid_of(number.low, number.high, number.step)
