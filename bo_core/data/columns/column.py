"""The protocol of a column: the features of one parameter on the unit cube."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from overnight.campaign.parameters import Value


class Column(Protocol):
    """One parameter's features, and the maps between them, its values and uniform numbers."""

    @property
    def width(self) -> int:
        """Return the number of features."""
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

    def neighbours(self, value: Value) -> list[Value]:
        """Return the values one step away; empty for a continuum."""
        ...


def share(choices: Sequence[Value], u: float) -> Value:
    """Return the choice whose equal share holds the uniform number."""
    return choices[min(int(u * len(choices)), len(choices) - 1)]


def shares(count: int, u: Tensor) -> Tensor:
    """Return the indices [b] of the choices whose equal shares hold the uniform numbers [b]."""
    return (u * count).long().clamp(max=count - 1)
