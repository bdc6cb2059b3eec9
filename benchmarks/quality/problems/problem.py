"""A function of named parameters with a known optimum, and the noise added to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from overnight.campaign.parameters import Value
from overnight.campaign.space import Space

Values = Mapping[str, Value]
# Parameters as a campaign's file declares them.
Declared = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class Problem:
    """A function that campaigns minimise; `best` is a point of its `minimum`, one of them if there are several.

    Noise levels were fixed before any measurement. `spread` is the function's standard deviation over its space (2¹⁶
    Sobol points, seed 0). Moderate noise is a tenth of the spread and dominating noise is the spread, rounded, except
    for Hartmann-6.
    """

    value: Callable[[Values], float]
    parameters: Declared
    best: Values
    minimum: float
    spread: float
    moderate: float
    dominating: float

    @property
    def space(self) -> Space:
        """Return the space of the parameters."""
        return Space.model_validate(self.parameters)

    def regret(self, point: Values) -> float:
        """Return how far the true value at a point is above the optimum."""
        return max(self.value(point) - self.minimum, 0.0)

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
