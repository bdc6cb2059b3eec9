"""Draw regret over ended trials, one panel per cell, as a self-contained page."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.colors import qualitative
from plotly.subplots import make_subplots

from benchmarks.quality.cells import CELLS
from benchmarks.quality.contestants import NAMES
from benchmarks.quality.results import Row

_COLUMNS = 4
_PALETTE = qualitative.D3
_LEAST = 1e-6


def curves_page(rows: Sequence[Row]) -> str:
    """Return the page: each contestant's median regret by its own recommendation."""
    plain = [row for row in rows if not row["charged"]]
    cells = [name for name in CELLS if any(row["cell"] == name for row in plain)]
    lines = -(-len(cells) // _COLUMNS)
    figure = make_subplots(rows=lines, cols=_COLUMNS, subplot_titles=cells, vertical_spacing=0.25 / max(lines, 1))
    shown: set[str] = set()
    for i, cell in enumerate(cells):
        for name in NAMES:
            curves = [row for row in plain if (row["cell"], row["contestant"]) == (cell, name)]
            if curves:
                trace = _curve(name, curves, legend=name not in shown)
                figure.add_trace(trace, row=i // _COLUMNS + 1, col=i % _COLUMNS + 1)
                shown.add(name)
    figure.update_yaxes(type="log")
    figure.update_xaxes(title_text="ended trials")
    figure.update_layout(height=300 * lines, title="Regret at the recommended point, median over seeds")
    return figure.to_html(include_plotlyjs=True, full_html=True)


def _curve(name: str, rows: Sequence[Row], *, legend: bool) -> go.Scatter:
    values = np.array([[np.nan if r is None else r for r in row["curve_regret"]] for row in rows], dtype=float)
    return go.Scatter(
        x=rows[0]["curve_trials"],
        y=np.maximum(np.nanmedian(values, axis=0), _LEAST),
        name=name,
        legendgroup=name,
        showlegend=legend,
        mode="lines",
        line={"color": _PALETTE[NAMES.index(name) % len(_PALETTE)], "width": 3 if name == "overnight" else 1.5},
    )
