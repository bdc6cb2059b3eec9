"""Problems with two and three objectives, from the literature on several objectives.

The reference points are those of BoTorch's functions. Branin and Currin: Belakaria et al., Max-value Entropy Search for
Multi-Objective Bayesian Optimization, 2019. DTLZ2: Deb et al., Scalable Test Problems for Evolutionary Multiobjective
Optimization, 2005. C2-DTLZ2: Jain and Deb, An Evolutionary Many-Objective Optimization Algorithm Using Reference-Point
Based Nondominated Sorting Approach, Part II, 2014. ZDT1: Zitzler et al., Comparison of Multiobjective Evolutionary
Algorithms, 2000. Vehicle safety and truss: RE3-5-4 and RE2-4-1 of Tanabe and Ishibuchi, An Easy-to-use Real-world
Multi-objective Optimization Problem Suite, 2020; the truss has 1.1 times the worst values of its front as worst ones.

The greatest hypervolumes of DTLZ2, ZDT1, C2-DTLZ2 and the truss follow from their known fronts. Those of Branin-Currin
and vehicle safety are those of the fronts that `python -m benchmarks.quality.front_search` finds, of thousands of
points.

Noise is a tenth of an objective's standard deviation over the space in DTLZ2 with two objectives, and a hundredth in
Branin-Currin, ZDT1 and DTLZ2 with three. The other results are exact.
"""

import math
from collections.abc import Sequence

import numpy as np

from benchmarks.quality.problems.front_problem import FrontProblem, Objective
from benchmarks.quality.problems.problem import Limit, floats, of_numbers, unit_floats
from overnight.evaluators.synthetic_functions import SYNTHETIC_FUNCTIONS


def _branin(x0: float, x1: float) -> float:
    return SYNTHETIC_FUNCTIONS["branin"].value(np.array([15.0 * x0 - 5.0, 15.0 * x1]))


def _currin(x0: float, x1: float) -> float:
    top = 2300 * x0**3 + 1900 * x0**2 + 2092 * x0 + 60
    # The function has a limit where x1 is 0.
    damped = 1.0 - math.exp(-0.5 / x1) if x1 > 0 else 1.0
    return damped * top / (100 * x0**3 + 500 * x0**2 + 4 * x0 + 20)


BRANIN_CURRIN = FrontProblem(
    {
        "branin": Objective(of_numbers(_branin), worst=18.0, noise=0.51),
        "currin": Objective(of_numbers(_currin), worst=6.0, noise=0.026),
    },
    unit_floats(["x0", "x1"]),
    most=59.406,
)


def _dtlz2(x: Sequence[float], count: int, i: int) -> float:
    """Return objective i of DTLZ2; the values of points of the front are a point of the unit sphere."""
    angles, rest = [0.5 * math.pi * each for each in x[: count - 1]], x[count - 1 :]
    value = 1.0 + sum((each - 0.5) ** 2 for each in rest)
    for angle in angles[: count - 1 - i]:
        value *= math.cos(angle)
    return value * math.sin(angles[count - 1 - i]) if i else value


def _dtlz2_objectives(count: int, noises: Sequence[float]) -> dict[str, Objective]:
    def objective(i: int, noise: float) -> Objective:
        return Objective(of_numbers(lambda *x: _dtlz2(x, count, i)), worst=1.1, noise=noise)

    return {f"f{i}": objective(i, noise) for i, noise in enumerate(noises)}


def _names(d: int) -> list[str]:
    return [f"x{i}" for i in range(d)]


DTLZ2 = FrontProblem(_dtlz2_objectives(2, [0.045, 0.045]), unit_floats(_names(6)), most=1.1**2 - math.pi / 4)
DTLZ2_OF_3 = FrontProblem(
    _dtlz2_objectives(3, [0.004, 0.004, 0.004]), unit_floats(_names(6)), most=1.1**3 - math.pi / 6
)

# Centres and squared radii of three discs around points of DTLZ2's front. As in BoTorch's function, the one in the
# middle has twice the area of the others.
DISCS = (((1.0, 0.0), 0.04), ((0.0, 1.0), 0.04), ((math.sqrt(0.5), math.sqrt(0.5)), 0.08))


def _outside_of_discs(*x: float) -> float:
    """Return at most 0 if the values lie in one of the discs."""
    f, g = (_dtlz2(x, 2, i) for i in range(2))
    return min((f - a) ** 2 + (g - b) ** 2 - square for (a, b), square in DISCS)


C2_DTLZ2 = FrontProblem(
    _dtlz2_objectives(2, [0.0, 0.0]),
    unit_floats(_names(4)),
    most=0.40005667,
    limits={"outside_of_discs": Limit(of_numbers(_outside_of_discs))},
)


def _zdt1(x0: float, *rest: float) -> float:
    g = 1.0 + 9.0 * sum(rest) / len(rest)
    return g * (1.0 - math.sqrt(x0 / g))


ZDT1 = FrontProblem(
    {
        "f0": Objective(of_numbers(lambda x0, *rest: x0), worst=11.0, noise=0.003),
        "f1": Objective(of_numbers(_zdt1), worst=11.0, noise=0.01),
    },
    unit_floats(_names(8)),
    most=11.0**2 - 1.0 / 3.0,
)


def _mass(a: float, b: float, c: float, d: float, e: float) -> float:
    return 1640.2823 + 2.3573285 * a + 2.3220035 * b + 4.5688768 * c + 7.7213633 * d + 4.4559504 * e


def _acceleration(a: float, b: float, c: float, d: float, e: float) -> float:
    linear = 6.5856 + 1.15 * a - 1.0427 * b + 0.9738 * c + 0.8364 * d
    mixed = -0.3695 * a * d + 0.0861 * a * e + 0.3628 * b * d
    return linear + mixed - 0.1106 * a**2 - 0.3437 * c**2 + 0.1764 * d**2


def _intrusion(a: float, b: float, c: float, d: float, e: float) -> float:
    linear = -0.0551 + 0.0181 * a + 0.1024 * b + 0.0421 * c
    mixed = -0.0073 * a * b + 0.024 * b * c - 0.0118 * b * d - 0.0204 * c * d - 0.008 * c * e
    return linear + mixed - 0.0241 * b**2 + 0.0109 * d**2


VEHICLE_SAFETY = FrontProblem(
    {
        "mass": Objective(of_numbers(_mass), worst=1864.72022),
        "acceleration": Objective(of_numbers(_acceleration), worst=11.81993945),
        "intrusion": Objective(of_numbers(_intrusion), worst=0.2903999384),
    },
    floats(**dict.fromkeys(_names(5), (1.0, 3.0))),
    most=247.03,
)

_BAR = 200.0
_BENDING = 10.0 * _BAR / 2e5


def _volume(a: float, b: float, c: float, d: float) -> float:
    return _BAR * (2.0 * a + math.sqrt(2.0) * b + math.sqrt(c) + d)


def _displacement(a: float, b: float, c: float, d: float) -> float:
    return _BENDING * (2.0 / a + math.sqrt(8.0) / b - math.sqrt(8.0) / c + 2.0 / d)


TRUSS = FrontProblem(
    {
        "volume": Objective(of_numbers(_volume), worst=3175.0),
        "displacement": Objective(of_numbers(_displacement), worst=0.044),
    },
    floats(x0=(1.0, 3.0), x1=(math.sqrt(2.0), 3.0), x2=(math.sqrt(2.0), 3.0), x3=(1.0, 3.0)),
    most=60.18898,
)
