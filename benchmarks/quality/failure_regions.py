"""Where points of a cell fail by their own fault, in the unit cube around the optimum that stays feasible."""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from benchmarks.quality.problems import Problem
from overnight.campaign.parameters import Value

FailureRegion = Literal["half", "disc", "narrow", "tenth"]
# How far from the optimum, as a share of the cube's diagonal, the disc's edge and its middle lie.
_EDGE, _MIDDLE = 0.05, 0.2
# Two parameters may be so far from the optimum: about a fifth of the cube, less where it is cut off.
_HALF_WIDTH = 0.28
# Beside the seeds of noise, failures and durations.
_FAILURE_STREAM = 1_000_033
_TENTH = 0.1


def fails(region: FailureRegion, problem: Problem, point: Mapping[str, Value], seed: int) -> bool:
    """Tell whether a trial fails: by its point, or, in a `tenth` of all trials, by its seed alone."""
    if region == "tenth":
        return bool(np.random.default_rng([seed, _FAILURE_STREAM]).random() < _TENTH)
    x = [(float(value) - low) / (high - low) for value, (low, high) in zip(point.values(), problem.bounds, strict=True)]
    return _BY_POINT[region](x, problem.optimum)


def _half(x: list[float], optimum: list[float]) -> bool:
    """Fail where the first parameter is on the other half from the optimum's."""
    return (x[0] > 0.5) != (optimum[0] > 0.5)


def _disc(x: list[float], optimum: list[float]) -> bool:
    """Fail in a ball beside the optimum, towards the middle of the cube."""
    d = len(x)
    aim = [(0.5 - o) for o in optimum]
    step = _MIDDLE * math.sqrt(d) / math.hypot(*aim)
    middle = [o + step * a for o, a in zip(optimum, aim, strict=True)]
    return math.dist(x, middle) < (_MIDDLE - _EDGE) * math.sqrt(d)


def _narrow(x: list[float], optimum: list[float]) -> bool:
    """Fail everywhere but in a box of two parameters around the optimum."""
    return any(abs(a - o) > _HALF_WIDTH for a, o in zip(x[:2], optimum[:2], strict=True))


_BY_POINT: dict[str, Callable[[list[float], list[float]], bool]] = {"half": _half, "disc": _disc, "narrow": _narrow}
