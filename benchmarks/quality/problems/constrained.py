"""Functions with limits, from the literature on constrained Bayesian optimisation.

The limit of Hartmann-6 is that of BoTorch's tutorial on batches under constraints; its optimum meets it. Gardner: both
simulations of Gardner et al., Bayesian Optimization with Inequality Constraints, 2014. Gramacy: Gramacy et al.,
Modeling an Augmented Lagrangian for Blackbox Constrained Optimization, Technometrics 58, 2016.
"""

import math
from dataclasses import replace

from benchmarks.quality.problems.problem import Limit, Problem, floats, of_numbers, unit_floats
from benchmarks.quality.problems.synthetic import HARTMANN6


def _gramacy_wave(x: float, y: float) -> float:
    return 1.5 - x - 2 * y - 0.5 * math.sin(2 * math.pi * (x**2 - 2 * y))


_TO_6 = floats(x0=(0.0, 6.0), x1=(0.0, 6.0))

HARTMANN6_SUM = replace(
    HARTMANN6,
    limits={"sum_above_3": Limit(lambda point: sum(float(x) for x in point.values()) - 3.0, noise=0.07)},
    penalty=-0.362,
)
GARDNER1 = Problem(
    of_numbers(lambda x, y: math.cos(2 * x) * math.cos(y) + math.sin(x)),
    _TO_6,
    {"x0": 1.5 * math.pi, "x1": 0.0},
    minimum=-2.0,
    spread=0.867,
    limits={"limit": Limit(of_numbers(lambda x, y: math.cos(x) * math.cos(y) - math.sin(x) * math.sin(y) - 0.5))},
    penalty=0.0385,
)
GARDNER2 = Problem(
    of_numbers(lambda x, y: math.sin(x) + y),
    _TO_6,
    {"x0": 1.5 * math.pi, "x1": 1.2532359},
    minimum=0.2532359,
    spread=1.877,
    limits={"limit": Limit(of_numbers(lambda x, y: math.sin(x) * math.sin(y) + 0.95))},
    penalty=3.13,
)
GRAMACY = Problem(
    of_numbers(lambda x, y: x + y),
    unit_floats(["x0", "x1"]),
    {"x0": 0.1951227, "x1": 0.4046654},
    minimum=0.599788,
    spread=0.408,
    moderate=0.04,
    limits={
        "wave": Limit(of_numbers(_gramacy_wave), noise=0.08),
        "disc": Limit(of_numbers(lambda x, y: x**2 + y**2 - 1.5), noise=0.04),
    },
    penalty=1.246,
)
