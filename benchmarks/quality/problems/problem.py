"""A function of named parameters with a known optimum, and the noise added to it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from overnight.campaign.parameters import Value
from overnight.campaign.space import Space

Values = Mapping[str, Value]
# Parameters as a campaign's file declares them.
Declared = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class Limit:
    """A metric that is at most 0 at feasible points; `moderate` is its noise in cells with moderate noise."""

    value: Callable[[Values], float]
    moderate: float = 0.0


@dataclass(frozen=True)
class Problem:
    """A function that campaigns minimise; `best` is a point of its `minimum`, one of them if there are several.

    A point is feasible if the true value of each of the `limits` is at most 0. The value of an infeasible point counts
    as the `penalty`: the mean of the function over the feasible ones of 2¹⁶ Sobol points (seed 0), which a blind choice
    among feasible points has on average. The value of a feasible point counts as no more than that.

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

    @property
    def space(self) -> Space:
        """Return the space of the parameters."""
        return Space.model_validate(self.parameters)

    def regret(self, point: Values) -> float:
        """Return how far the true value at a point, or the penalty, is above the optimum."""
        value = min(self.value(point), self.penalty) if self.feasible(point) else self.penalty
        return max(value - self.minimum, 0.0)

    def feasible(self, point: Values) -> bool:
        """Return whether a point meets every limit by its true values."""
        return all(limit.value(point) <= 0.0 for limit in self.limits.values())

    def place(self, point: Values) -> list[float]:
        """Return the position of a point in the unit cube; all parameters must be floats on a linear scale."""
        return [
            (float(value) - low) / (high - low) for value, (low, high) in zip(point.values(), self._box, strict=True)
        ]

    @property
    def _box(self) -> list[tuple[float, float]]:
        bounds = [parameter.bounds for _, parameter in self.space.items()]
        return [pair for pair in bounds if pair is not None]


def unit_floats(names: list[str]) -> Declared:
    """Return a float between 0 and 1 of each name."""
    return {name: {"kind": "float", "low": 0.0, "high": 1.0} for name in names}
