"""The protocol of a column: the features of one parameter on the unit cube."""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal, Protocol

from torch import Tensor

from overnight.campaign.parameters import Value

# Along a continuum, between values that only rounding turns into real ones, or in whole steps alone.
Movement = Literal["continuous", "relaxed", "in steps"]
# The height of an equilateral triangle with side 1: two corners are the ends of a range, the third is its absence.
_HEIGHT = 0.5 * math.sqrt(3.0)


class Column(Protocol):
    """One parameter's features, and the maps between them, its values and uniform numbers."""

    @property
    def width(self) -> int:
        """Return the number of features."""
        ...

    @property
    def moves(self) -> Sequence[Movement]:
        """Return for each feature how a search may move it."""
        ...

    @property
    def units(self) -> Sequence[float]:
        """Return the difference in each feature that counts as a distance of 1."""
        ...

    @property
    def absent(self) -> Sequence[float]:
        """Return the features of a point in which the parameter is inactive."""
        ...

    @property
    def unit_of_absence(self) -> float:
        """Return the unit of one more feature, which is 1 at such points and 0 at all others."""
        ...

    @property
    def levels(self) -> Sequence[Value] | None:
        """Return every value in order; None for a continuum."""
        ...

    def features(self, value: Value) -> list[float]:
        """Return the features of a value."""
        ...

    def value(self, features: Sequence[float]) -> Value:
        """Return the value nearest to the features."""
        ...

    def value_at(self, u: float) -> Value:
        """Return the value at a uniform number."""
        ...

    def spread(self, u: Tensor) -> Tensor:
        """Return the features [b, width] of the values at uniform numbers [b]."""
        ...

    def snap(self, features: Tensor) -> Tensor:
        """Return the features [b, width] of the values nearest to features [b, width]."""
        ...

    def numbers(self, features: Tensor) -> Tensor:
        """Return the numbers [b] at features [b, width], between the values as well; differentiable."""
        ...

    def neighbours(self, value: Value) -> list[Value]:
        """Return the values one step away; empty for a continuum."""
        ...


class OneFeature:
    """What is common to columns of a single feature between 0 and 1."""

    width: ClassVar[int] = 1
    units: ClassVar[Sequence[float]] = (1.0,)
    absent: ClassVar[Sequence[float]] = (0.5,)
    unit_of_absence: ClassVar[float] = 1.0 / _HEIGHT
    moves: ClassVar[Sequence[Movement]] = ("relaxed",)


def share(choices: Sequence[Value], u: float) -> Value:
    """Return the choice whose equal share holds the uniform number."""
    return choices[min(int(u * len(choices)), len(choices) - 1)]


def shares(count: int, u: Tensor) -> Tensor:
    """Return the indices [b] of the choices whose equal shares hold the uniform numbers [b]."""
    return (u * count).long().clamp(max=count - 1)
