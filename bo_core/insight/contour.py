"""The belief about a metric over two parameters, all others as at a point."""

from collections.abc import Sequence
from itertools import combinations

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.insight.lines import moved, values_along
from overnight.bo_core.model import Model
from overnight.campaign import Point
from overnight.campaign.insight import Contour

# The most values of each parameter: of the first pair, and of all others.
_MOST_VALUES, _MOST_OF_OTHERS = 25, 15
# The parameters whose pairs are computed.
_MOST_PAIRED = 5


def contours_through(
    point: Point, names: Sequence[str], model: Model, encoding: Encoding
) -> tuple[Contour | None, tuple[Contour, ...]]:
    """Return the means over the first two of these parameters, and those over the other pairs of the first few."""
    every = [*combinations(names[:_MOST_PAIRED], 2)]
    if not every:
        return None, ()
    first, *others = every
    found = (_contour(point, pair, model, encoding, _MOST_OF_OTHERS) for pair in others)
    return _contour(point, first, model, encoding, _MOST_VALUES), tuple(each for each in found if each is not None)


def _contour(point: Point, pair: tuple[str, str], model: Model, encoding: Encoding, most: int) -> Contour | None:
    """Return the means over two parameters through a point; None if constraints forbid nearly all other points."""
    across, up = pair
    at_across, at_up = (values_along(encoding, name, most, also=point[name]) for name in pair)
    points = [moved(encoding, point, {across: x, up: y}) for y in at_up for x in at_across]
    allowed = [each for each in points if each is not None]
    if len(allowed) < len(points) / most:
        return None
    means = iter(each.mean for each in model.predictions(encoding.encode(allowed)))
    found = [None if each is None else next(means) for each in points]
    width = len(at_across)
    rows = tuple(tuple(found[i : i + width]) for i in range(0, len(found), width))
    return Contour(across=across, up=up, at_across=tuple(at_across), at_up=tuple(at_up), mean=rows)
