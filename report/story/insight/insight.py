"""The lessons of the model about each objective, with the rules that judge it."""

from collections.abc import Collection, Sequence
from itertools import takewhile

from overnight.campaign import Campaign, History, Point
from overnight.campaign.insight import Contour, Importance, Insight, InsightOfMetric, Slice
from overnight.campaign.parameters import Value
from overnight.report.story.insight.best_part import BestPart, best_part_of
from overnight.report.story.insight.bounds import AtBound, at_bounds
from overnight.report.story.insight.judgement import Judgement, judgement_of
from overnight.report.story.insight.shape import Shape, shape_of
from overnight.report.story.section import Section

# A leading parameter certainly takes part in this share of the variance, and in this share of the first one's.
_LEAST, _ABOUT_AS_MUCH, _MOST_LEADING = 0.05, 0.5, 3


class ShownSlice(Section):
    """The belief along one parameter through the recommended point, and its shape."""

    slice: Slice
    shape: Shape


class ShownContour(Section):
    """The belief over two parameters, and the values of both at which the mean is `best`.

    It is `certain` if the effect of at least one of them is.
    """

    contour: Contour
    best: tuple[Value, Value]
    certain: bool


class ShownMetric(Section):
    """The lessons of the model about one metric; the parameters that matter most come first.

    `maximize` is whether more of the metric is better. The `leading` parameters matter most; the list is empty if it
    is uncertain which ones do. `pairs` are over other pairs of parameters than the contour. `at_bounds` are the
    parameters whose bounds may be too tight.
    """

    metric: str
    maximize: bool
    importance: tuple[Importance, ...]
    leading: tuple[str, ...]
    slices: tuple[ShownSlice, ...]
    contour: ShownContour | None
    pairs: tuple[Contour, ...]
    judgement: Judgement | None
    at_bounds: tuple[AtBound, ...]


class ShownInsight(Section):
    """The lessons of the model about each objective; the slices go through the recommended `point`.

    The parameters that are `inactive` there have no slices. `best_part` are the best results as measured.
    """

    point: Point
    inactive: tuple[str, ...]
    best_part: BestPart | None
    metrics: tuple[ShownMetric, ...]

    def of(self, metric: str) -> ShownMetric | None:
        """Return the lessons about a metric; None if that is not an objective."""
        return next((each for each in self.metrics if each.metric == metric), None)


def shown_insight(history: History, found: Insight | None, doubted: Collection[int] = ()) -> ShownInsight | None:
    """Return an insight with its judgement; None without one, or if each context has one of its own."""
    if found is None or not found.metrics:
        return None
    campaign = history.definition
    directions = {each.metric: each.sign > 0 for each in campaign.goal.objectives}
    return ShownInsight(
        point=found.point,
        inactive=tuple(name for name in campaign.parameters.tuned() if name not in found.point),
        best_part=best_part_of(history, doubted),
        metrics=tuple(_shown(campaign, found.point, each, maximize=directions[each.metric]) for each in found.metrics),
    )


def _shown(campaign: Campaign, point: Point, found: InsightOfMetric, *, maximize: bool) -> ShownMetric:
    parameters = campaign.parameters.root
    slices = tuple(
        ShownSlice(slice=each, shape=shape_of(each, parameters[each.parameter], maximize=maximize))
        for each in found.slices
    )
    return ShownMetric(
        metric=found.metric,
        maximize=maximize,
        importance=found.importance,
        leading=_leading(found.importance),
        slices=slices,
        contour=None if found.contour is None else _shown_contour(found.contour, slices, maximize=maximize),
        pairs=found.pairs,
        judgement=judgement_of(found.left_out),
        at_bounds=tuple(at_bounds(campaign, point, ((each.slice.parameter, each.shape) for each in slices))),
    )


def _shown_contour(found: Contour, slices: Sequence[ShownSlice], *, maximize: bool) -> ShownContour:
    cells = [
        (mean if maximize else -mean, x, y)
        for y, row in zip(found.at_up, found.mean, strict=True)
        for x, mean in zip(found.at_across, row, strict=True)
        if mean is not None
    ]
    _, x, y = max(cells, key=lambda cell: cell[0])
    certain = {each.slice.parameter for each in slices if each.shape.kind != "unclear"}
    return ShownContour(contour=found, best=(x, y), certain=not certain.isdisjoint((found.across, found.up)))


def _leading(importance: Sequence[Importance]) -> tuple[str, ...]:
    """Return the first parameters that certainly matter, about as much as the very first one."""
    least = _ABOUT_AS_MUCH * importance[0].total.value if importance else 0.0
    # One that may matter more than the next ones, or not at all, leaves open which of them matter most.
    first = takewhile(lambda each: each.total.low >= _LEAST and each.total.value >= least, importance)
    return tuple(each.parameter for each in first)[:_MOST_LEADING]
