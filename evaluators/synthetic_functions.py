"""Test functions with known optima, from the literature on global optimisation; all are minimised.

Definitions and optima: Surjanovic and Bingham, Virtual Library of Simulation Experiments.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class SyntheticFunction:
    """A function with its standard domain and its optimum.

    Without a `dimension` any number of parameters will do; `domain` and `minimizer` then hold one coordinate for all.
    """

    value: Callable[[Vector], float]
    dimension: int | None
    domain: tuple[tuple[float, float], ...]
    minimum: float
    minimizer: tuple[float, ...]


def _branin(x: Vector) -> float:
    b, c, t = 5.1 / (4 * math.pi**2), 5 / math.pi, 1 / (8 * math.pi)
    return float((x[1] - b * x[0] ** 2 + c * x[0] - 6) ** 2 + 10 * (1 - t) * math.cos(x[0]) + 10)


_HARTMANN_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_HARTMANN3_A = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
_HARTMANN3_P = 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]])
_HARTMANN6_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_HARTMANN6_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def _hartmann3(x: Vector) -> float:
    return float(-_HARTMANN_WEIGHTS @ np.exp(-np.sum(_HARTMANN3_A * (x - _HARTMANN3_P) ** 2, axis=1)))


def _hartmann6(x: Vector) -> float:
    return float(-_HARTMANN_WEIGHTS @ np.exp(-np.sum(_HARTMANN6_A * (x - _HARTMANN6_P) ** 2, axis=1)))


def _ackley(x: Vector) -> float:
    root = math.sqrt(float(np.mean(x**2)))
    return float(-20 * math.exp(-0.2 * root) - math.exp(float(np.mean(np.cos(2 * math.pi * x)))) + 20 + math.e)


def _levy(x: Vector) -> float:
    w = 1 + (x - 1) / 4
    middle = np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(math.pi * w[:-1] + 1) ** 2))
    last = (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return float(math.sin(math.pi * w[0]) ** 2 + middle + last)


_UNIT = (0.0, 1.0)

SYNTHETIC_FUNCTIONS = {
    "branin": SyntheticFunction(_branin, 2, ((-5.0, 10.0), (0.0, 15.0)), 0.397887, (math.pi, 2.275)),
    "hartmann3": SyntheticFunction(_hartmann3, 3, (_UNIT,) * 3, -3.86278, (0.114614, 0.555649, 0.852547)),
    "hartmann6": SyntheticFunction(
        _hartmann6, 6, (_UNIT,) * 6, -3.32237, (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573)
    ),
    "ackley": SyntheticFunction(_ackley, None, ((-32.768, 32.768),), 0.0, (0.0,)),
    "levy": SyntheticFunction(_levy, None, ((-10.0, 10.0),), 0.0, (1.0,)),
}
