"""The belief about a metric over two parameters, all others as at a point."""

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.insight.lines import moved, values_along
from overnight.bo_core.model import Model
from overnight.campaign import Point
from overnight.campaign.insight import Contour

# The most values of each parameter.
_MOST_VALUES = 25


def contour_through(point: Point, across: str, up: str, model: Model, encoding: Encoding) -> Contour | None:
    """Return the means over two parameters through a point; None if constraints forbid nearly all other points."""
    at_across, at_up = (values_along(encoding, name, _MOST_VALUES, also=point[name]) for name in (across, up))
    points = [moved(encoding, point, {across: x, up: y}) for y in at_up for x in at_across]
    allowed = [each for each in points if each is not None]
    if len(allowed) < len(points) / _MOST_VALUES:
        return None
    means = iter(each.mean for each in model.predictions(encoding.encode(allowed)))
    found = [None if each is None else next(means) for each in points]
    width = len(at_across)
    rows = tuple(tuple(found[i : i + width]) for i in range(0, len(found), width))
    return Contour(across=across, up=up, at_across=tuple(at_across), at_up=tuple(at_up), mean=rows)
