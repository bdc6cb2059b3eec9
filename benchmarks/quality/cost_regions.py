"""What an evaluation of a cell costs, between 1 and 16, by where its point lies or by its seed alone."""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from benchmarks.quality.problems import Problem
from overnight.campaign.parameters import Value

CostRegion = Literal["cheap", "dear", "slope", "random"]
_DEAREST = 16.0
# As a share of the cube's diagonal: the distance from the optimum that makes all of the difference.
_FAR = 0.5
# Beside the seeds of noise, failures and durations.
_COST_STREAM = 1_000_081


def cost_of(region: CostRegion, problem: Problem, point: Mapping[str, Value], seed: int) -> float:
    """Return what a trial costs: it grows away from the optimum, which is `cheap`, or towards it, which is `dear`.

    Along a `slope` it grows with the first parameter whatever is there; a `random` one says nothing of the point.
    """
    if region == "random":
        return float(_DEAREST ** np.random.default_rng([seed, _COST_STREAM]).random())
    x = [(float(value) - low) / (high - low) for value, (low, high) in zip(point.values(), problem.bounds, strict=True)]
    far = min(math.dist(x, problem.optimum) / (_FAR * math.sqrt(len(x))), 1.0)
    return _DEAREST ** {"cheap": far, "dear": 1.0 - far, "slope": x[0]}[region]
