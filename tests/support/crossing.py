"""The probability that a test without an effect crosses one of its boundaries, by a recursion of its own."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.polynomial.legendre import leggauss

from overnight.bo_core.experiment.spending import Look

_GRID = leggauss(600)


def crossing(looks: Sequence[Look], bounds: Sequence[float]) -> float:
    """Return the probability of any crossing: a plain recursion over the sums of increments, on a fine grid."""
    nodes, weights = _GRID
    before = crossed = 0.0
    at, mass = np.zeros(1), np.ones(1)
    for look, bound in zip(looks, bounds, strict=True):
        sd = math.sqrt(look.information - before)
        high = min(bound, 9.0) * math.sqrt(look.information)
        low = -8.5 * math.sqrt(look.information)
        tails = [math.erfc((bound * math.sqrt(look.information) - each) / sd / math.sqrt(2)) / 2 for each in at]
        crossed += float(np.array(tails) @ mass)
        points = low + (high - low) * (nodes + 1) / 2
        kernel = np.exp(-0.5 * ((points[:, None] - at) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))
        at, mass, before = points, weights * (high - low) / 2 * (kernel @ mass), look.information
    return crossed
