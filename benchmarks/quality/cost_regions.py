"""The cost of an evaluation, between 1 and 16, determined by its point or by its seed alone."""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from benchmarks.quality.problems import Problem
from overnight.campaign.parameters import Value

CostRegion = Literal["cheap", "dear", "slope", "random"]
_DEAREST = 16.0
# The distance from the optimum at which the cost stops changing, as a share of the cube's diagonal.
_FAR = 0.5
# Separate from the seeds of noise, failures and durations.
_COST_STREAM = 1_000_081


def cost_of(region: CostRegion, problem: Problem, point: Mapping[str, Value], seed: int) -> float:
    """Return the cost of a trial: it grows away from the optimum (`cheap`) or towards it (`dear`).

    With `slope` it grows with the first parameter alone; with `random` it does not depend on the point.
    """
    if region == "random":
        return float(_DEAREST ** np.random.default_rng([seed, _COST_STREAM]).random())
    x, optimum = problem.place(point), problem.place(problem.best)
    far = min(math.dist(x, optimum) / (_FAR * math.sqrt(len(x))), 1.0)
    return _DEAREST ** {"cheap": far, "dear": 1.0 - far, "slope": x[0]}[region]
