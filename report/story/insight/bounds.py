"""The recommended values at a bound of their parameter, towards which the metric still improves."""

from collections.abc import Iterable, Iterator

from overnight.campaign import Campaign, Point
from overnight.campaign.parameters import Value
from overnight.report.story.insight.shape import Shape
from overnight.report.story.section import Section

# A value this close to a bound, as a fraction of the range, lies there.
_CLOSE = 0.01


class AtBound(Section):
    """A parameter whose recommended value lies at its upper or lower `bound`."""

    parameter: str
    upper: bool
    bound: Value


def at_bounds(campaign: Campaign, point: Point, shapes: Iterable[tuple[str, Shape]]) -> Iterator[AtBound]:
    """Yield the parameters that lie at a bound towards which their slice certainly improves, to the end."""
    for name, shape in shapes:
        parameter, value = campaign.parameters.root[name], point[name]
        if parameter.bounds is None or shape.at is not None or shape.kind not in ("better up", "better down"):
            continue
        upper = shape.kind == "better up"
        bound = parameter.bounds[upper]
        if parameter.distance(value, bound) <= _CLOSE:
            yield AtBound(parameter=name, upper=upper, bound=bound)
