"""Functions from the literature on global optimisation, which the product's simulated evaluator knows as well.

Hartmann-6 has the noise of the published anchors, 0.1 and 0.5, which are 0.26 and 1.3 of its spread.

The optimum of Ackley and Levy is in or near the middle of their usual domain, which some methods try first. The domain
is therefore moved so that the optimum lies at `OPTIMUM` in the unit cube. These numbers were chosen without reference
to any method; none is near 1/2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.quality.problems.problem import Declared, Problem, Values
from overnight.evaluators.synthetic_functions import SYNTHETIC_FUNCTIONS, SyntheticFunction

# fmt: off
OPTIMUM = (
    0.37, 0.64, 0.29, 0.71, 0.43, 0.58, 0.33, 0.67, 0.26, 0.62,
    0.38, 0.73, 0.31, 0.56, 0.44, 0.69, 0.27, 0.61, 0.35, 0.66,
)
# fmt: on

# The active parameters of Levy-4 in 20 dimensions; the others have no effect.
ACTIVE = (3, 7, 11, 18)


@dataclass(frozen=True)
class _Value:
    """The value of a function of some of the parameters; unlike a closure, it can be sent to another process."""

    name: str
    active: tuple[str, ...]

    def __call__(self, point: Values) -> float:
        return SYNTHETIC_FUNCTIONS[self.name].value(np.array([float(point[each]) for each in self.active]))


def _problem(
    name: str, dimension: int, *, spread: float, moderate: float, dominating: float, active: Sequence[int] | None = None
) -> Problem:
    function = SYNTHETIC_FUNCTIONS[name]
    acting = tuple(f"x{i}" for i in (range(dimension) if active is None else active))
    best = function.minimizer * (dimension if function.dimension is None else 1)
    parameters = _floats(_box(function, dimension))
    at_best = dict(zip(parameters, best, strict=True))
    return Problem(_Value(name, acting), parameters, at_best, function.minimum, spread, moderate, dominating)


def _box(function: SyntheticFunction, dimension: int) -> list[tuple[float, float]]:
    """Return the domain; that of a function defined in any dimension is moved so that its optimum is not central."""
    if function.dimension is not None:
        return list(function.domain)
    (low, high), minimizer = function.domain[0], function.minimizer[0]
    lows = [minimizer - share * (high - low) for share in OPTIMUM[:dimension]]
    return [(bound, bound + high - low) for bound in lows]


def _floats(box: Sequence[tuple[float, float]]) -> Declared:
    return {f"x{i}": {"kind": "float", "low": low, "high": high} for i, (low, high) in enumerate(box)}


BRANIN = _problem("branin", 2, spread=51.25, moderate=5.0, dominating=50.0)
HARTMANN3 = _problem("hartmann3", 3, spread=0.956, moderate=0.1, dominating=1.0)
HARTMANN6 = _problem("hartmann6", 6, spread=0.385, moderate=0.1, dominating=0.5)
ACKLEY8 = _problem("ackley", 8, spread=0.510, moderate=0.05, dominating=0.5)
LEVY10 = _problem("levy", 10, spread=70.3, moderate=7.0, dominating=70.0)
ACKLEY20 = _problem("ackley", 20, spread=0.244, moderate=0.025, dominating=0.25)
LEVY4_OF_20 = _problem("levy", 20, spread=40.6, moderate=4.0, dominating=40.0, active=ACTIVE)
