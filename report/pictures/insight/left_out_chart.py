"""Predictions of results that the model has not seen as a chart, against the measured values."""

import math
from collections.abc import Iterable, Sequence

from overnight.campaign.insight import LeftOut, LeftOutResult
from overnight.report.numbers import interval, number
from overnight.report.pictures.axes import objective_axis, shortened, with_room
from overnight.report.pictures.colours import BAND, GENERATORS, INK
from overnight.report.pictures.figure import Figure, cut, few_digits, layout_of, scatter
from overnight.report.selection import evenly

_HEIGHT, _MOST, _LONGEST_NAME = 380, 300, 24


def left_out_chart(found: LeftOut, *, logarithmic: bool) -> Figure:
    """Return a point for each result with its predicted interval; on the line, both values are equal."""
    logarithmic = logarithmic and all(min(each.predicted, each.measured) > 0 for each in found.results)
    values = [value for each in found.results for value in (each.measured, each.predicted)]
    ends = min(values), max(values)
    data = [scatter([*ends], [*ends], mode="lines", line={"color": INK, "width": 1, "dash": "dot"}, hoverinfo="skip")]
    data[0]["showlegend"] = False
    inside = [each for each in found.results if each.low <= each.measured <= each.high]
    outside = [each for each in found.results if not each.low <= each.measured <= each.high]
    data += [*_points("in its interval", inside, "model", "circle"), *_points("outside", outside, "baseline", "x")]
    layout: Figure = layout_of(height=_HEIGHT) | {"showlegend": bool(outside)}
    name, shown = shortened(found.metric, _LONGEST_NAME), with_room(*(map(math.log10, ends) if logarithmic else ends))
    for axis, words in (("xaxis", "predicted"), ("yaxis", "measured")):
        drawn = objective_axis(logarithmic=logarithmic, ends=ends, name=f"{name} as {words}")
        layout[axis] |= drawn | {"range": shown}
    return {"data": data, "layout": layout}


def _points(name: str, results: Sequence[LeftOutResult], colour: str, symbol: str) -> Iterable[Figure]:
    shown = evenly(results, _MOST)
    if not shown:
        return
    bars = {"type": "data", "symmetric": False, "color": BAND, "thickness": 3, "width": 0}
    bars |= {"array": few_digits(each.high - each.predicted for each in shown)}
    bars |= {"arrayminus": few_digits(each.predicted - each.low for each in shown)}
    marker = {"color": GENERATORS[colour], "size": 7, "symbol": symbol}
    x, y = (few_digits(values) for values in zip(*((e.predicted, e.measured) for e in shown), strict=True))
    yield scatter(
        x, y, mode="markers", marker=marker, error_x=bars, name=name, hovertext=[*map(_label, shown)], hoverinfo="text"
    )


def _label(of: LeftOutResult) -> str:
    low, high = interval(of.low, of.high)
    lines = [f"trial {of.trial}: measured {number(of.measured)}", f"predicted {number(of.predicted)} ({low} to {high})"]
    return "<br>".join(map(cut, lines))
