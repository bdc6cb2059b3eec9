"""Shares that sum to one as numbers that a library can suggest, for libraries that know no equalities.

Shares are normalised logarithms of uniform numbers, as in Optuna's FAQ: they are then even among all that sum to one.
"""

import json
import math

from native.space_told import Point

LEAST = 1e-12
# The numbers that this process suggested for the shares of a point: a study would hold them.
_SUGGESTED: dict[str, Point] = {}


def normalised(values: Point, shares: list[str]) -> Point:
    """Return the values with the shares that follow from the suggested numbers, which are remembered."""
    if not shares:
        return values
    raw = {name: values[name] for name in shares}
    logs = {name: -math.log(u) for name, u in raw.items()}
    # One number at least must be below 1.
    total = sum(logs.values()) or 1.0
    found = {**values, **{name: log / total for name, log in logs.items()}}
    _SUGGESTED[_key(found)] = raw
    return found


def suggested(point: Point, shares: list[str]) -> Point:
    """Return the point with the numbers that were suggested for its shares, or with such that might have been."""
    if not shares:
        return point
    return {**point, **(_SUGGESTED.get(_key(point)) or {name: math.exp(-point[name]) for name in shares})}


def _key(point: Point) -> str:
    # Booleans and text are as they are; numbers may differ in their last bits.
    return json.dumps({name: round(v, 12) if isinstance(v, float) else v for name, v in sorted(point.items())})
