"""Numbers at equal steps between two bounds, computed in exact decimal arithmetic."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import overload

from overnight.campaign.values.numbers import exact

# A float grid with more steps than this is a continuum for every purpose.
MOST_STEPS = 1_000_000
# A number is a value of the grid if it is as close as this, as a share of a step: a float32 of 0.15 is one.
_ROUNDING = 1e-6
# The least step, in units of the last place of the largest number: sums of floats must not miss their step.
_LEAST_STEP = 32


@dataclass(frozen=True)
class Grid(Sequence[float]):
    """The numbers (first + i · stride) / unit for i from 0 to last; each is an int if they are `whole`.

    A float is the one nearest to the exact number, which is the one that a person would write: 0.15 rather than
    0.15000000000000002.
    """

    first: int
    stride: int
    unit: int
    last: int
    whole: bool

    def __len__(self) -> int:
        """Return the number of values."""
        return self.last + 1

    @overload
    def __getitem__(self, index: int) -> float: ...

    @overload
    def __getitem__(self, index: slice) -> list[float]: ...

    def __getitem__(self, index: int | slice) -> float | list[float]:
        """Return the value at an index, or the values at a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = index + len(self) if index < 0 else index
        if not 0 <= i <= self.last:
            raise IndexError(index)
        # A quotient of two ints is the float nearest to the exact one.
        numerator = self.first + i * self.stride
        return numerator if self.whole else numerator / self.unit

    @property
    def step(self) -> float:
        """Return the distance between neighbouring values."""
        return self.stride / self.unit

    def middle(self, index: int) -> float:
        """Return the number midway between the value at an index and the next one."""
        return (2 * (self.first + index * self.stride) + self.stride) / (2 * self.unit)

    def nearest(self, number: float) -> int:
        """Return the index of the value nearest to a finite number."""
        return self._clamped(self._steps_to(number) + Fraction(1, 2))

    def around(self, number: float) -> tuple[float, float]:
        """Return the values below and above a number between the bounds that is not a value."""
        below = min(self._clamped(self._steps_to(number)), self.last - 1)
        return self[below], self[below + 1]

    def equal_to(self, number: float) -> float | None:
        """Return the value that a finite number equals within rounding, or None."""
        value = self[self.nearest(number)]
        end = max(abs(self[0]), abs(self[-1]))
        rounding = 0.0 if self.whole else max(_ROUNDING * self.step, 4.0 * math.ulp(end))
        return value if abs(number - value) <= rounding else None

    def _steps_to(self, number: float) -> Fraction:
        return (Fraction(number) * self.unit - self.first) / self.stride

    def _clamped(self, steps: Fraction) -> int:
        return min(max(math.floor(steps), 0), self.last)


# Typed, because a grid of ints is another one than a grid of equal floats.
@lru_cache(maxsize=1024, typed=True)
def grid_of(low: float, high: float, step: float) -> Grid:
    """Return the grid from low to high; a ValueError says what is wrong with the step or the upper bound."""
    start, end, stride = map(exact, (low, high, step))
    if stride > end - start:
        raise ValueError(f"expected step <= high - low, got {short(step)} and {short(float(end - start))}")
    whole = all(isinstance(number, int) for number in (low, high, step))
    steps = (end - start) / stride
    if steps.denominator > 1:
        below = math.floor(steps)
        near = " or ".join(_text(start + i * stride) for i in (below, below + 1))
        raise ValueError(
            f"expected a high that is a whole number of steps of {short(step)} above {short(low)}, such as {near}, got "
            f"{short(high)}"
        )
    if not whole:
        _refuse_too_many(low, high, step, int(steps))
    unit = math.lcm(start.denominator, stride.denominator)
    return Grid(int(start * unit), int(stride * unit), unit, int(steps), whole)


def short(number: float) -> str:
    """Return a number in the shortest text that is exact."""
    text = str(number) if isinstance(number, int) else f"{number:g}"
    return text if isinstance(number, int) or float(text) == number else repr(number)


def _refuse_too_many(low: float, high: float, step: float, steps: int) -> None:
    if steps > MOST_STEPS:
        raise ValueError(
            f"expected at most {MOST_STEPS:,} steps from low to high, got {steps:,}. Choose a larger step, or remove "
            "`step`"
        )
    least = _LEAST_STEP * math.ulp(max(abs(low), abs(high)))
    if step < least:
        raise ValueError(f"expected a step of at least {least:.2g} for floats of this size, got {short(step)}")


def _text(number: Fraction) -> str:
    """Return an exact number as text; it may lie beyond the floats."""
    try:
        return str(int(number)) if number.denominator == 1 and abs(number) < 1e16 else short(float(number))
    except OverflowError:
        return "a number too large for a float"
