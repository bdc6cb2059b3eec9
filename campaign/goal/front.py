"""Fronts: which of several points are beaten by no other one, and how much space they dominate.

A point is a tuple of the values of all objectives, turned so that more is better.
"""

import math
import sys
from collections.abc import Sequence

Turned = tuple[float, ...]
# The reference that is inferred lies beyond the worst value on the front by this share of the front's range.
_BEYOND = 0.1


def dominates(a: Turned, b: Turned) -> bool:
    """Return whether `a` is better than `b` in one objective and worse in none."""
    return all(x >= y for x, y in zip(a, b, strict=True)) and a != b


def on_front(points: Sequence[Turned]) -> list[bool]:
    """Return for each point whether no other one dominates it; equal points are on the front together."""
    return [not any(dominates(other, point) for other in points) for point in points]


def inferred_worst(front: Sequence[Turned], others: Sequence[Turned] = ()) -> Turned:
    """Return a reference for a front of at least one point: its worst values, and a tenth of its ranges beyond them.

    A front without a range, such as a single point, has that of all points: of its own and of `others`. If all values of
    an objective are alike, their size stands for the range, or 1 if they are 0.
    """
    pairs = zip(zip(*front, strict=True), zip(*front, *others, strict=True), strict=True)
    found = [
        min(values) - _BEYOND * (_range(values) or _range(every) or abs(min(values)) or 1.0) for values, every in pairs
    ]
    return tuple(max(worst, -sys.float_info.max) for worst in found)


def _range(values: Sequence[float]) -> float:
    return max(values) - min(values)


def most_balanced(points: Sequence[Turned], worst: Turned) -> int:
    """Return which of at least one point by itself dominates the largest hypervolume up to `worst`.

    If no point is better than `worst` in every objective, it is the one that falls short by the least in total, in
    units of each objective's largest distance from `worst`. Of equal points it is the first one.
    """
    sizes = [max(map(abs, values)) or 1.0 for values in zip(*points, worst, strict=True)]
    apart = [[x / size - w / size for x, w, size in zip(point, worst, sizes, strict=True)] for point in points]
    units = [max(map(abs, gains)) or 1.0 for gains in zip(*apart, strict=True)]
    scaled = [[x / unit for x, unit in zip(gains, units, strict=True)] for gains in apart]
    worth = [math.prod(gains) if min(gains) > 0.0 else sum(min(gain, 0.0) for gain in gains) for gains in scaled]
    return max(range(len(points)), key=worth.__getitem__)


def hypervolume(points: Sequence[Turned], worst: Turned) -> float:
    """Return the volume that is dominated by the points and dominates the reference `worst`.

    The volume is cut into slices along the last objective, and each slice has the hypervolume of the points that reach
    it in the objectives before (exact; for k points of m objectives about k^(m−1) steps).
    """
    inside = [point for point in points if all(x > w for x, w in zip(point, worst, strict=True))]
    if not inside:
        return 0.0
    if len(worst) == 1:
        return max(point[0] for point in inside) - worst[0]
    levels = sorted({point[-1] for point in inside}, reverse=True)
    volume = 0.0
    for level, below in zip(levels, (*levels[1:], worst[-1]), strict=True):
        reaching = _undominated([point[:-1] for point in inside if point[-1] >= level])
        volume += (level - below) * hypervolume(reaching, worst[:-1])
    return volume


def _undominated(points: Sequence[Turned]) -> list[Turned]:
    distinct = [*dict.fromkeys(points)]
    return [point for point, kept in zip(distinct, on_front(distinct), strict=True) if kept]
