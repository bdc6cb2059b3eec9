"""The importance of parameters as bars: the shares of the variance that they explain alone and with others."""

from collections.abc import Sequence

from overnight.campaign.insight import Importance, Index
from overnight.report.numbers import share_text
from overnight.report.pictures.axes import middle_cut, small, text_of
from overnight.report.pictures.colours import GENERATORS, INK, OTHERS
from overnight.report.pictures.figure import Figure, cut, layout_of

_ROW, _AROUND = 30, 100
_LONGEST_NAME = 20


def importance_chart(importance: Sequence[Importance]) -> Figure:
    """Return a row for each parameter, the first one at the top, with the interval of each index."""
    names = [each.parameter for each in importance]
    rows, data = list(range(len(names))), list[Figure]()
    alone = {i: each.main for i, each in enumerate(importance) if each.main is not None}
    hover = {i: _label(each) for i, each in enumerate(importance)}
    if alone:
        data.append(_bars("alone", GENERATORS["model"], alone, hover, offset=0.18))
    every = {i: each.total for i, each in enumerate(importance)}
    data.append(_bars("with others", OTHERS, every, hover, offset=-0.18 if alone else 0.0))
    layout = layout_of(height=_AROUND + _ROW * len(names)) | {"showlegend": bool(alone), "barmode": "overlay"}
    layout["legend"] |= {"traceorder": "normal"}
    most = min(1.05 * max(0.1, *(each.total.high for each in importance)), 1.0)
    layout["xaxis"] |= {"title": small("share of the variance"), "range": [0, most], "tickformat": ".0%", "nticks": 6}
    ticks = [text_of(middle_cut(name, _LONGEST_NAME)) for name in names]
    layout["yaxis"] |= {"tickvals": rows, "ticktext": ticks, "range": [len(names) - 0.5, -0.5]}
    layout["yaxis"] |= {"showgrid": False, "ticks": "outside", "ticklen": 5, "tickcolor": "rgba(0,0,0,0)"}
    return {"data": data, "layout": layout}


def _bars(name: str, colour: str, indices: dict[int, Index], hover: dict[int, str], offset: float) -> Figure:
    values = indices.values()
    ends = {"array": [e.high - e.value for e in values], "arrayminus": [e.value - e.low for e in values]}
    return {
        "type": "bar",
        "orientation": "h",
        "x": [each.value for each in values],
        # The first trace is the upper bar of each row, because the axis points down.
        "y": [row - offset for row in indices],
        "width": 0.32,
        "marker": {"color": colour},
        "error_x": {"type": "data", "symmetric": False, "thickness": 1.5, "width": 3, "color": INK, **ends},
        "name": name,
        "hovertext": [hover[row] for row in indices],
        "hoverinfo": "text",
    }


def _label(of: Importance) -> str:
    lines = [of.parameter]
    if of.main is not None:
        lines.append(f"alone {_index_text(of.main)}")
    return "<br>".join(map(cut, [*lines, f"with others {_index_text(of.total)}"]))


def _index_text(index: Index) -> str:
    return f"{share_text(index.value)} ({share_text(index.low)} to {share_text(index.high)})"
