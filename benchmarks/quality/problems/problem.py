"""A function of named parameters with a known optimum, and the noise added to it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from overnight.campaign.parameters import Value
from overnight.campaign.space import Space

Values = Mapping[str, Value]
# Parameters as a campaign's file declares them.
Declared = Mapping[str, Mapping[str, object]]


class Metric(Protocol):
    """A metric beyond the first objective."""

    @property
    def value(self) -> Callable[[Values], float]:
        """Return the function of its true values."""
        ...

    @property
    def noise(self) -> float:
        """Return the standard deviation of the noise of its readings in cells with noise."""
        ...


@dataclass(frozen=True)
class Limit:
    """A metric that is at most 0 at feasible points."""

    value: Callable[[Values], float]
    noise: float = 0.0


class AnyProblem(ABC):
    """A problem of a campaign: its space, its metrics, and the true worth of points.

    A point is feasible if the true value of each of the `limits` is at most 0.
    """

    parameters: Declared
    limits: Mapping[str, Limit]
    parameter_constraints: tuple[str, ...] = ()

    @property
    def space(self) -> Space:
        """Return the space of the parameters, with the constraints between them."""
        return Space.of(self.parameters, self.parameter_constraints)

    def feasible(self, point: Values) -> bool:
        """Return whether a point meets every limit by its true values."""
        return all(limit.value(point) <= 0.0 for limit in self.limits.values())

    @property
    @abstractmethod
    def objectives_in_file(self) -> Mapping[str, object]:
        """Return the entries of a campaign's file about the objectives, all of which are minimised."""

    @abstractmethod
    def first(self, point: Values) -> float:
        """Return the true value of the first objective."""

    @property
    @abstractmethod
    def further(self) -> Mapping[str, Metric]:
        """Return the metrics beyond the first objective, in the order in which the campaign has them."""

    @abstractmethod
    def worth(self, *points: Values) -> float:
        """Return the true worth of some points, one at least."""

    @abstractmethod
    def regret(self, *points: Values) -> float:
        """Return how far that is from the best worth of all; 0 is best."""


@dataclass(frozen=True)
class Problem(AnyProblem):
    """A function that campaigns minimise; `best` is a point of its `minimum`, one of them if there are several.

    The worth of points is the least of their values. The value of an infeasible point counts as the `penalty`: the mean
    of the function over the feasible ones of 2¹⁶ Sobol points (seed 0), which a blind choice among feasible points has
    on average. The value of a feasible point counts as no more than that.

    Noise levels were fixed before any measurement. `spread` is the function's standard deviation over its space (2¹⁶
    Sobol points, seed 0). Moderate noise is a tenth of the spread and dominating noise is the spread, rounded, except
    for Hartmann-6. Problems that are used without noise have none.
    """

    value: Callable[[Values], float]
    parameters: Declared
    best: Values
    minimum: float
    spread: float
    moderate: float = 0.0
    dominating: float = 0.0
    limits: Mapping[str, Limit] = field(default_factory=dict)
    penalty: float = math.inf
    parameter_constraints: tuple[str, ...] = ()

    @property
    def objectives_in_file(self) -> Mapping[str, object]:
        """Return the entry with the only objective."""
        return {"minimize": "value"}

    def first(self, point: Values) -> float:
        """Return the value of the function."""
        return self.value(point)

    @property
    def further(self) -> Mapping[str, Metric]:
        """Return the limited metrics."""
        return self.limits

    def worth(self, *points: Values) -> float:
        """Return the least true value, or the penalty."""
        return self.minimum + self.regret(*points)

    def regret(self, *points: Values) -> float:
        """Return how far the least true value, or the penalty, is above the optimum."""
        return max(min(self._judged(point) for point in points) - self.minimum, 0.0)

    def _judged(self, point: Values) -> float:
        return min(self.value(point), self.penalty) if self.feasible(point) else self.penalty

    def place(self, point: Values) -> list[float]:
        """Return the position of a point in the unit cube; all parameters must be floats on a linear scale."""
        return [
            (float(value) - low) / (high - low) for value, (low, high) in zip(point.values(), self._box, strict=True)
        ]

    @property
    def _box(self) -> list[tuple[float, float]]:
        bounds = [parameter.bounds for _, parameter in self.space.items()]
        return [pair for pair in bounds if pair is not None]


def of_numbers(function: Callable[..., float]) -> Callable[[Values], float]:
    """Return a function of points from a function of the values of their parameters, in order."""
    return lambda point: function(*(float(value) for value in point.values()))


def floats(**bounds: tuple[float, float]) -> Declared:
    """Return a float on a linear scale of each name."""
    return {name: {"kind": "float", "low": low, "high": high} for name, (low, high) in bounds.items()}


def unit_floats(names: list[str]) -> Declared:
    """Return a float between 0 and 1 of each name."""
    return {name: {"kind": "float", "low": 0.0, "high": 1.0} for name in names}
