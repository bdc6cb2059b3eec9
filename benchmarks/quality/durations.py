"""Durations of evaluations: four distributions with mean 1, from the tamest to the wildest."""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

DurationKind = Literal["constant", "half-normal", "log-normal", "pareto"]

LOG_NORMAL_SIGMA = 0.5
# The variance is infinite below 2: now and then one evaluation outlasts twenty others.
PARETO_ALPHA = 1.5


def _log_normal(generator: np.random.Generator) -> float:
    return math.exp(LOG_NORMAL_SIGMA * generator.standard_normal() - LOG_NORMAL_SIGMA**2 / 2)


def _pareto(generator: np.random.Generator) -> float:
    return (1 + generator.pareto(PARETO_ALPHA)) * (PARETO_ALPHA - 1) / PARETO_ALPHA


_DRAWS: dict[DurationKind, Callable[[np.random.Generator], float]] = {
    "constant": lambda generator: 1.0,
    "half-normal": lambda generator: abs(generator.standard_normal()) * math.sqrt(math.pi / 2),
    "log-normal": _log_normal,
    "pareto": _pareto,
}


def draw_duration(kind: DurationKind, generator: np.random.Generator) -> float:
    """Return one duration."""
    return float(_DRAWS[kind](generator))
