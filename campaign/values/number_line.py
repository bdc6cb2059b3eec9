"""Positions between two bounds, also if their span or ratio overflows a float."""

import math
from typing import Literal

Scale = Literal["linear", "log"]


def place_of(value: float, low: float, high: float, scale: Scale) -> float:
    """Return how far a value lies on the way from the lower to the upper bound, as a share of it."""
    if scale == "log":
        if math.isinf(high / low):
            return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        return math.log(value / low) / math.log(high / low)
    if math.isinf(high - low):
        return (0.5 * value - 0.5 * low) / (0.5 * high - 0.5 * low)
    return (value - low) / (high - low)


def value_at(share: float, low: float, high: float, scale: Scale) -> float:
    """Return the number so far on the way from the lower to the upper bound, which rounding may put beside these."""
    if scale == "log":
        if math.isinf(high / low):
            way = math.log(low) + share * (math.log(high) - math.log(low))
            return math.exp(min(way, math.log(high)))
        return low * (high / low) ** share
    if math.isinf(high - low):
        return 2.0 * min(max(0.5 * low + share * (0.5 * high - 0.5 * low), 0.5 * low), 0.5 * high)
    return low + share * (high - low)
