"""The functions that campaigns minimise: their domains, their spread and the noise added to them.

Noise levels were fixed before any measurement. `spread` is the function's standard deviation over its domain (2¹⁶ Sobol
points, seed 0). Hartmann-6 has the levels of the published anchors, 0.1 and 0.5, which are 0.26 and 1.3 of its spread.
For the others, moderate noise is a tenth of their spread and dominating noise is their spread, rounded.

The optimum of Ackley and Levy is in or near the middle of their usual domain, which some methods try first. The domain
is therefore moved so that the optimum lies at `_OPTIMUM` in the unit cube. These numbers were chosen without reference
to any method; none is near 1/2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from overnight.campaign.parameters import Value
from overnight.evaluators import SimulatedEvaluator
from overnight.evaluators.synthetic_functions import SYNTHETIC_FUNCTIONS

FunctionName = Literal["branin", "hartmann3", "hartmann6", "ackley", "levy"]

# fmt: off
_OPTIMUM = (
    0.37, 0.64, 0.29, 0.71, 0.43, 0.58, 0.33, 0.67, 0.26, 0.62,
    0.38, 0.73, 0.31, 0.56, 0.44, 0.69, 0.27, 0.61, 0.35, 0.66,
)
# fmt: on


@dataclass(frozen=True)
class Problem:
    """A function on a box, with its two levels of noise."""

    function: FunctionName
    dimension: int
    spread: float
    moderate: float
    dominating: float

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """Return the box; a function that is defined in any dimension is moved so that its optimum is not central."""
        synthetic = SYNTHETIC_FUNCTIONS[self.function]
        if synthetic.dimension is not None:
            return list(synthetic.domain)
        (low, high), minimizer = synthetic.domain[0], synthetic.minimizer[0]
        lows = [minimizer - share * (high - low) for share in _OPTIMUM[: self.dimension]]
        return [(bound, bound + high - low) for bound in lows]

    @property
    def optimum(self) -> list[float]:
        """Return the optimum's position in the unit cube; one of them if there are several."""
        synthetic = SYNTHETIC_FUNCTIONS[self.function]
        if synthetic.dimension is None:
            return list(_OPTIMUM[: self.dimension])
        pairs = zip(synthetic.minimizer, synthetic.domain, strict=True)
        return [(value - low) / (high - low) for value, (low, high) in pairs]

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """Return the campaign's parameters."""
        return {f"x{i}": {"kind": "float", "low": low, "high": high} for i, (low, high) in enumerate(self.bounds)}

    @property
    def minimum(self) -> float:
        """Return the minimum of the function."""
        return SYNTHETIC_FUNCTIONS[self.function].minimum

    def regret(self, point: Mapping[str, Value]) -> float:
        """Return how far the true value at a point is above the optimum."""
        evaluator = SimulatedEvaluator(function=self.function)
        return max(evaluator.true_value(point) - self.minimum, 0.0)


BRANIN = Problem("branin", 2, spread=51.25, moderate=5.0, dominating=50.0)
HARTMANN3 = Problem("hartmann3", 3, spread=0.956, moderate=0.1, dominating=1.0)
HARTMANN6 = Problem("hartmann6", 6, spread=0.385, moderate=0.1, dominating=0.5)
ACKLEY8 = Problem("ackley", 8, spread=0.510, moderate=0.05, dominating=0.5)
LEVY10 = Problem("levy", 10, spread=70.3, moderate=7.0, dominating=70.0)
ACKLEY20 = Problem("ackley", 20, spread=0.244, moderate=0.025, dominating=0.25)
