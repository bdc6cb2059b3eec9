"""Positions between two bounds, even if their span or ratio overflows a float."""

import math
from typing import Literal

Scale = Literal["linear", "log", "logit"]


def place_of(value: float, low: float, high: float, scale: Scale) -> float:
    """Return the position of a value between the bounds, as a fraction of the way from the lower to the upper one."""
    if scale == "log":
        if math.isinf(high / low):
            return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        return math.log(value / low) / math.log(high / low)
    if scale == "logit":
        return (log_odds(value) - log_odds(low)) / (log_odds(high) - log_odds(low))
    if math.isinf(high - low):
        return (0.5 * value - 0.5 * low) / (0.5 * high - 0.5 * low)
    return (value - low) / (high - low)


def value_at(share: float, low: float, high: float, scale: Scale) -> float:
    """Return the number at this fraction of the way between the bounds; rounding may put it slightly outside."""
    if scale == "log":
        if math.isinf(high / low):
            way = math.log(low) + share * (math.log(high) - math.log(low))
            return math.exp(min(way, math.log(high)))
        return low * (high / low) ** share
    if scale == "logit":
        return _with_log_odds(log_odds(low) + share * (log_odds(high) - log_odds(low)))
    if math.isinf(high - low):
        return 2.0 * min(max(0.5 * low + share * (0.5 * high - 0.5 * low), 0.5 * low), 0.5 * high)
    return low + share * (high - low)


def log_odds(p: float) -> float:
    """Return log(p / (1 - p)) of a number strictly between 0 and 1."""
    return math.log(p) - math.log1p(-p)


def _with_log_odds(odds: float) -> float:
    # Each branch takes the exponential of a negative number, which cannot overflow.
    return 1.0 / (1.0 + math.exp(-odds)) if odds > 0 else math.exp(odds) / (1.0 + math.exp(odds))
