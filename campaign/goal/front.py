"""Fronts: which of several points are beaten by no other one, and how much space they dominate.

A point is a tuple of the values of all objectives, turned so that more is better.
"""

import math
import sys
from collections.abc import Sequence
from math import prod
from operator import ge

Turned = tuple[float, ...]
# The reference that is inferred lies beyond the worst value on the front by this share of the front's range.
_BEYOND = 0.1


def dominates(a: Turned, b: Turned) -> bool:
    """Return whether `a` is better than `b` in one objective and worse in none."""
    return a != b and all(map(ge, a, b))


def on_front(points: Sequence[Turned]) -> list[bool]:
    """Return for each point whether no other one dominates it; equal points are on the front together."""
    kept = {*_undominated(points)}
    return [point in kept for point in points]


def inferred_worst(front: Sequence[Turned], others: Sequence[Turned] = ()) -> Turned:
    """Return a reference for a front of at least one point: its worst values, and a tenth of its ranges beyond them.

    A front without a range, such as a single point, has that of all points: of its own and of `others`. If all values
    of an objective are alike, their size stands for the range, or 1 if they are 0.
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

    Points are counted in ascending order of the last objective. No later one is worse in it, so that the volume which
    each point adds to the later ones is an area of one objective less times its height (exact; While et al. 2012).
    """
    inside = [point for point in points if all(x > w for x, w in zip(point, worst, strict=True))]
    if len(worst) == 1:
        return max((point[0] - worst[0] for point in inside), default=0.0)
    # Another one that is as good everywhere only costs time.
    inside = sorted(_undominated(inside), key=lambda point: point[-1])
    if len(worst) == 2:
        below = (worst[1], *(point[1] for point in inside))
        return sum((point[0] - worst[0]) * (point[1] - low) for point, low in zip(inside, below, strict=False))
    return sum(
        (point[-1] - worst[-1]) * added(point[:-1], [later[:-1] for later in inside[i + 1 :]], worst[:-1])
        for i, point in enumerate(inside)
    )


def added(point: Turned, others: Sequence[Turned], worst: Turned) -> float:
    """Return by how much a point enlarges the hypervolume of others."""
    if not all(x > w for x, w in zip(point, worst, strict=True)):
        return 0.0
    alone = prod(x - w for x, w in zip(point, worst, strict=True))
    shared = _undominated([tuple(map(min, point, other)) for other in others])
    return max(0.0, alone - hypervolume(shared, worst))


def _undominated(points: Sequence[Turned]) -> list[Turned]:
    """Return the points that no other one dominates, each once, in descending order."""
    front: list[Turned] = []
    # A point is dominated only by points that come before it in this order.
    for point in sorted(set(points), reverse=True):
        if not any(dominates(other, point) for other in front):
            front.append(point)
    return front
