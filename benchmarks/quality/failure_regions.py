"""Regions of a cell in which points fail through their own fault; the optimum of the unit cube stays feasible."""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from benchmarks.quality.problems import Problem
from overnight.campaign.parameters import Value

FailureRegion = Literal["half", "disc", "narrow", "tenth"]
# Distances of the disc's edge and its middle from the optimum, as shares of the cube's diagonal.
_EDGE, _MIDDLE = 0.05, 0.2
# The allowed distance of two parameters from the optimum: about a fifth of the cube, less if the cube cuts it off.
_HALF_WIDTH = 0.28
# Separate from the seeds of noise, failures and durations.
_FAILURE_STREAM = 1_000_033
_TENTH = 0.1


def fails(region: FailureRegion, problem: Problem, point: Mapping[str, Value], seed: int) -> bool:
    """Return whether a trial fails: because of its point or, in the region `tenth`, because of its seed alone."""
    if region == "tenth":
        return bool(np.random.default_rng([seed, _FAILURE_STREAM]).random() < _TENTH)
    x, optimum = problem.place(point), problem.place(problem.best)
    return _BY_POINT[region](x, optimum)


def _half(x: list[float], optimum: list[float]) -> bool:
    """Fail if the first parameter and the optimum lie in different halves."""
    return (x[0] > 0.5) != (optimum[0] > 0.5)


def _disc(x: list[float], optimum: list[float]) -> bool:
    """Fail in a ball next to the optimum, towards the middle of the cube."""
    d = len(x)
    aim = [(0.5 - o) for o in optimum]
    step = _MIDDLE * math.sqrt(d) / math.hypot(*aim)
    middle = [o + step * a for o, a in zip(optimum, aim, strict=True)]
    return math.dist(x, middle) < (_MIDDLE - _EDGE) * math.sqrt(d)


def _narrow(x: list[float], optimum: list[float]) -> bool:
    """Fail everywhere except in a box of two parameters around the optimum."""
    return any(abs(a - o) > _HALF_WIDTH for a, o in zip(x[:2], optimum[:2], strict=True))


_BY_POINT: dict[str, Callable[[list[float], list[float]], bool]] = {"half": _half, "disc": _disc, "narrow": _narrow}
