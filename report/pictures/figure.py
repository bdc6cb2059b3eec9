"""The parts that all charts share: points and lines as plotly JSON, and a layout for light and dark pages."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from overnight.campaign.parameters import Value
from overnight.report.pictures.axes import text_of
from overnight.report.pictures.colours import GRID, INK

Figure = dict[str, Any]
_FONT = "system-ui, sans-serif"
_LONGEST_LINE = 160


def cut(line: str) -> str:
    """Return a line of a label, for plotly, which draws no end of a long one."""
    return text_of(line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…")


def scatter(x: Sequence[Value], y: Sequence[float], **more: Any) -> Figure:
    """Return points or a line."""
    return {"type": "scatter", "x": list(x), "y": list(y), **more}


def few_digits(values: Iterable[float]) -> list[float]:
    """Return values that a model computed with as many digits as a picture can show, to keep the page small."""
    largest = sys.float_info.max
    return [float(f"{min(max(value, -largest), largest):.6g}") for value in values]


def layout_of(height: int) -> Figure:
    """Return the layout of a picture of this height."""
    axis = {"gridcolor": GRID, "zeroline": False, "automargin": True, "fixedrange": True}
    # Invisible ticks keep the labels of the two axes apart where they meet.
    axis |= {"ticks": "outside", "ticklen": 5, "tickcolor": "rgba(0,0,0,0)"}
    return {
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": _FONT, "size": 13, "color": INK},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "hoverlabel": {"font": {"family": _FONT}, "align": "left"},
        # Without dragging, a finger on a chart scrolls the page.
        "dragmode": False,
        "xaxis": {**axis},
        "yaxis": {**axis},
    }
