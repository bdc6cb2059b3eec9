"""The belief over two parameters as a chart: coloured bands of the mean, with the trials in front.

Plotly's basic build draws no contours, so that the bands are a picture behind its axes.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from overnight.campaign import Point, Trial
from overnight.campaign.insight import Contour
from overnight.campaign.parameters import Parameter, Value
from overnight.campaign.values.number_line import log_odds
from overnight.report.pictures.axes import parameter_axis, parameter_title, place
from overnight.report.pictures.charts import Pictures
from overnight.report.pictures.figure import Figure, layout_of, scatter
from overnight.report.pictures.insight.bands import Bands
from overnight.report.pictures.insight.png import png_address
from overnight.report.trial_facts import cell

_HEIGHT, _HEIGHT_OF_PAIR, _PIXELS = 460, 300, 180
# Points are visible on every colour of the bands.
_FILL, _EDGE = "#ffffff", "#14181f"
# Fewer values than these have a cell each; the mean is interpolated between more.
_FEWEST_SMOOTH = 13


def contour_chart(pictures: Pictures, point: Point, found: Contour, *, maximize: bool) -> Figure:
    """Return the bands of the mean over two parameters, and all trials that have both."""
    parameters = pictures.history.definition.parameters_of_point.tuned()
    across, up = parameters[found.across], parameters[found.up]
    means = [mean for row in found.mean for mean in row if mean is not None]
    bands = Bands.of(means, logarithmic=pictures.logarithmic)
    colours = bands.colours(maximize=maximize)
    x, y = _Axis.of(across, found.at_across), _Axis.of(up, found.at_up)
    columns, lines = ([axis.weights(pixel) for pixel in range(_PIXELS)] for axis in (x, y))
    rows = [[bands.index(_at(found.mean, column, line)) for column in columns] for line in lines]
    picture = {"source": png_address(rows[::-1], colours), "xref": "x", "yref": "y", "layer": "below"}
    picture |= {"x": x.low, "y": y.high, "sizex": x.length, "sizey": y.length, "sizing": "stretch"}
    layout = layout_of(height=_HEIGHT) | {"showlegend": True, "images": [picture]}
    layout["xaxis"] |= parameter_axis(across) | {"title": parameter_title(found.across, across), "showgrid": False}
    layout["yaxis"] |= parameter_axis(up) | {"title": parameter_title(found.up, up), "showgrid": False}
    data = [
        *_trials(pictures, found, across, up),
        _recommended(pictures.words, point, found, across, up),
        bands.bar(colours),
    ]
    return {"data": data, "layout": layout}


def pair_chart(pictures: Pictures, point: Point, found: Contour, *, maximize: bool) -> Figure:
    """Return a smaller chart of two parameters without a legend, for a page that shows several."""
    figure = contour_chart(pictures, point, found, maximize=maximize)
    return {"data": figure["data"], "layout": figure["layout"] | {"height": _HEIGHT_OF_PAIR, "showlegend": False}}


@dataclass(frozen=True)
class _Axis:
    """The `places` of values on an axis, in plotly's own coordinates, from `low` to `high`."""

    places: tuple[float, ...]
    low: float
    high: float
    smooth: bool

    @classmethod
    def of(cls, parameter: Parameter, values: Sequence[Value]) -> "_Axis":
        """Return the axis of these values; choices have whole numbers as their places."""
        if parameter.bounds is None:
            places = tuple(float(i) for i in range(len(values)))
        else:
            places = tuple(_place(parameter, float(value)) for value in values)  # pyright: ignore[reportArgumentType]
        smooth = parameter.levels is None or len(values) >= _FEWEST_SMOOTH
        if smooth or len(places) == 1:
            return cls(places, places[0], places[-1], smooth)
        half = 0.5 * (places[1] - places[0]), 0.5 * (places[-1] - places[-2])
        return cls(places, places[0] - half[0], places[-1] + half[1], smooth)

    @property
    def length(self) -> float:
        """Return the length, or the largest number if the ends are farther apart than that."""
        return min(self.high - self.low, sys.float_info.max)

    def weights(self, pixel: int) -> tuple[int, int, float]:
        """Return the numbers of the two places around a pixel, and the weight of the second."""
        share = (pixel + 0.5) / _PIXELS
        at = self.low + (share * self.high - share * self.low)
        above = next((i for i, each in enumerate(self.places) if each >= at), len(self.places) - 1)
        below = max(above - 1, 0)
        apart = self.places[above] - self.places[below]
        weight = min(max((at - self.places[below]) / apart, 0.0), 1.0) if apart else 0.0
        return below, above, weight if self.smooth else float(weight >= 0.5)


def _place(parameter: Parameter, value: float) -> float:
    if parameter.is_logarithmic:
        return math.log10(value)
    return log_odds(value) if parameter.is_logit else value


def _at(
    mean: Sequence[Sequence[float | None]], across: tuple[int, int, float], up: tuple[int, int, float]
) -> float | None:
    """Return the mean between four cells, of those that are allowed; None if the nearest one is not."""
    corners = [
        (of_row * of_cell, mean[j][i])
        for j, of_row in ((up[0], 1.0 - up[2]), (up[1], up[2]))
        for i, of_cell in ((across[0], 1.0 - across[2]), (across[1], across[2]))
    ]
    _, nearest = max(corners, key=lambda corner: corner[0])
    if nearest is None:
        return None
    known = [(weight, value) for weight, value in corners if value is not None]
    return sum(weight * value for weight, value in known) / sum(weight for weight, _ in known)


def _trials(pictures: Pictures, found: Contour, across: Parameter, up: Parameter) -> Iterator[Figure]:
    """Yield the trials with a result, those without one, and those under way."""
    pending = pictures.history.model_view().pending
    looks: list[tuple[str, Sequence[Trial], dict[str, Any]]] = [
        ("observed", pictures.drawn, {"symbol": "circle", "size": 7}),
        ("failed or stopped", pictures.without, {"symbol": "x", "size": 7}),
        ("pending", pending, {"symbol": "diamond", "size": 9}),
    ]
    for name, trials, look in looks:
        both = [
            (t, x, y)
            for t in trials
            if (x := cell(t, found.across)) is not None and (y := cell(t, found.up)) is not None
        ]
        if not both:
            continue
        marker = look | {"color": _FILL, "line": {"width": 1, "color": _EDGE}, "opacity": 0.9}
        yield scatter(
            [place(across, x) for _, x, _ in both],
            [place(up, y) for _, _, y in both],  # pyright: ignore[reportArgumentType]
            mode="markers",
            marker=marker,
            name=name,
            **pictures.labels([t for t, _, _ in both], [found.across, found.up]),
        )


def _recommended(words: str, point: Point, found: Contour, across: Parameter, up: Parameter) -> Figure:
    marker = {"color": _FILL, "size": 18, "symbol": "star", "line": {"width": 2, "color": _EDGE}}
    x, y = place(across, point[found.across]), place(up, point[found.up])
    return scatter([x], [y], mode="markers", marker=marker, name=words, hoverinfo="name")  # pyright: ignore
