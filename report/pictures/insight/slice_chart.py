"""The belief along one parameter as a chart: the mean, the interval of the true value, and the results."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from overnight.campaign import Point
from overnight.campaign.parameters import Parameter, Value
from overnight.report.pictures.axes import objective_axis, parameter_title, place, with_room, without_worst
from overnight.report.pictures.charts import Pictures
from overnight.report.pictures.colours import BAND, BEST, GENERATORS
from overnight.report.pictures.figure import Figure, few_digits, scatter
from overnight.report.story.insight.insight import ShownSlice

_LINE = GENERATORS["model"]
# The recommended value, which need not have been measured.
_HERE = {"color": BEST, "width": 1.5, "dash": "dot"}
# An interval may extend so far beyond the means and results, as a share of their range.
_BEYOND = 0.5
_HEIGHT = 270


class SliceCharts:
    """The charts of the slices of one metric through a point, which share the axis of the metric."""

    def __init__(self, pictures: Pictures, point: Point, slices: Sequence[ShownSlice], *, maximize: bool) -> None:
        self._pictures, self._point, self.slices = pictures, point, slices
        values = [trial.measured[pictures.metric].mean for trial in pictures.drawn]
        self._range = _range_of(values, slices, maximize=maximize, logarithmic=pictures.logarithmic)
        low, high = self._range
        self.beyond = sum(not low <= value <= high for value in values)

    def chart(self, shown: ShownSlice) -> Figure:
        """Return the belief along a parameter with the results of all trials that have it."""
        name, (low, high) = shown.slice.parameter, self._range
        parameter = self._pictures.history.definition.parameters_of_point.tuned()[name]
        figure, logarithmic = self._pictures.parameter(name), self._pictures.logarithmic
        layout = figure["layout"] | {"height": _HEIGHT}
        layout["xaxis"] |= {"title": parameter_title(name, parameter)}
        layout["yaxis"] |= objective_axis(logarithmic=logarithmic, ends=(low, high))
        layout["yaxis"] |= {"range": [math.log10(low), math.log10(high)] if logarithmic else [low, high]}
        belief = _belief(shown, parameter, lowest=low if logarithmic else -math.inf)
        at = place(parameter, self._point[name])
        here = scatter([at, at], [low, high], mode="lines", line=_HERE, name=self._pictures.words, hoverinfo="skip")
        return {"data": [here, *belief, *figure["data"]], "layout": layout}


@dataclass(frozen=True)
class _Belief:
    """The mean and the ends of the interval at one place on the parameter's axis."""

    x: Value
    mean: float
    low: float
    high: float


def _belief(shown: ShownSlice, parameter: Parameter, lowest: float) -> Iterator[Figure]:
    """Yield the interval and the mean: bands with a line for numbers, bars with a point for choices."""
    known = [*_known(shown, parameter, lowest)]
    if parameter.bounds is None:
        found = [each for each in known if each is not None]
        bars = {"type": "data", "symmetric": False, "color": BAND, "thickness": 16, "width": 0}
        bars |= {"array": few_digits(each.high - each.mean for each in found)}
        bars |= {"arrayminus": few_digits(each.mean - each.low for each in found)}
        marker = {"symbol": "line-ew", "size": 22, "line": {"width": 3, "color": _LINE}}
        x, mean = [each.x for each in found], few_digits(each.mean for each in found)
        yield scatter(x, mean, mode="markers", marker=marker, error_y=bars, name="model", hoverinfo="y")
        return
    for run in _runs(known):
        x = [few_digits([each.x])[0] if isinstance(each.x, float) else each.x for each in run]
        edge = {"mode": "lines", "line": {"width": 0, "color": _LINE}, "hoverinfo": "skip"}
        yield scatter(x, few_digits(each.low for each in run), **edge)
        yield scatter(x, few_digits(each.high for each in run), **edge, fill="tonexty", fillcolor=BAND)
        line = {"width": 2.5, "color": _LINE}
        yield scatter(x, few_digits(each.mean for each in run), mode="lines", line=line, name="model", hoverinfo="y")


def _known(shown: ShownSlice, parameter: Parameter, lowest: float) -> Iterator[_Belief | None]:
    """Yield the belief at each value, raised to the `lowest` one drawn; None if constraints forbid the point."""
    found = shown.slice
    for value, mean, low, high in zip(found.values, found.mean, found.low, found.high, strict=True):
        if mean is None or low is None or high is None:
            yield None
        else:
            yield _Belief(place(parameter, value), *(max(each, lowest) for each in (mean, low, high)))


def _runs(known: Iterable[_Belief | None]) -> list[list[_Belief]]:
    """Return the allowed values in runs without a gap."""
    runs = list[list[_Belief]]([[]])
    for each in known:
        if each is None:
            runs.append([])
        else:
            runs[-1].append(each)
    return [run for run in runs if run]


def _range_of(
    values: Sequence[float], slices: Sequence[ShownSlice], *, maximize: bool, logarithmic: bool
) -> tuple[float, float]:
    """Return the ends of the metric's axis: all means, most results, and intervals as far as there is room."""
    means = [mean for shown in slices for mean in shown.slice.mean if mean is not None]
    core = [*means, *without_worst(values, maximize=maximize)]
    ends = [end for shown in slices for end in (*shown.slice.low, *shown.slice.high) if end is not None]
    if logarithmic:
        positive = [math.log10(value) for value in core if value > 0]
        low, high = _widened(positive, [math.log10(end) for end in ends if end > 0])
        return 10.0**low, 10.0**high
    return _widened(core, ends)


def _widened(core: Sequence[float], ends: Sequence[float]) -> tuple[float, float]:
    """Return a range of the core and of the ends as far as they lie near it, with some room."""
    below, above = with_room(min(core), max(core), _BEYOND)
    low, high = with_room(max(min([*core, *ends]), below), min(max([*core, *ends]), above))
    return low, high
