"""The pictures of a report, as plotly figures that read well in the light and in the dark."""

import math
from datetime import datetime
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from campaign import History, Trial
from campaign.space import CategoricalParameter, FloatParameter, IntParameter, OrdinalParameter, Parameter
from campaign.trial import Observation
from report.numbers import duration, value_text
from report.timeline import Span

# Colours that hold 3:1 against white and against near-black, and differ for the colour-blind (Okabe and Ito 2008).
_COLOURS = {"baseline": "#d55e00", "manual": "#cc79a7", "sobol": "#8a8f98", "model": "#2f80c2"}
_BEST = "#1a9c74"
_ENDS = {"observed": "#2f80c2", "failed": "#d62728", "running": "#8a8f98"}
_GRID = "rgba(128,128,128,0.25)"
_INK = "#808590"
_PLOTS_IN_A_ROW = 3
_MOST_TICKS = 6


def course_chart(history: History) -> go.Figure:
    """Return each trial's measured objective with its standard error, and the best measured so far."""
    figure = go.Figure()
    observed = history.model_view().observed
    for generator, colour in _COLOURS.items():
        trials = [t for t in observed if t.proposal.generator == generator]
        if trials:
            figure.add_trace(_points(history, trials, [t.id for t in trials], generator, colour, errors=True))
    best, steps = None, []
    sign = history.definition.objective.sign
    for trial in observed:
        value = _mean(history, trial)
        best = value if best is None or sign * value > sign * best else best
        steps.append(best)
    figure.add_trace(
        go.Scatter(
            x=[t.id for t in observed],
            y=steps,
            mode="lines",
            line={"shape": "hv", "color": _BEST, "width": 2},
            name="best measured",
            hoverinfo="skip",
        )
    )
    _style(figure, height=360)
    figure.update_xaxes(title="trial")
    figure.update_yaxes(title=history.definition.objective.metric)
    return figure


def parameters_chart(history: History, recommended: int | None) -> go.Figure:
    """Return the measured objective against each tuned parameter; the recommended trial is ringed."""
    campaign = history.definition
    tuned = campaign.parameters.tuned()
    columns = min(_PLOTS_IN_A_ROW, len(tuned))
    rows = -(-len(tuned) // columns)
    titles = [f"{name} [{p.unit}]" if p.unit else name for name, p in tuned.items()]
    figure = make_subplots(
        rows=rows, cols=columns, shared_yaxes=True, subplot_titles=titles, vertical_spacing=0.3 / rows
    )
    observed = history.model_view().observed
    for i, (name, parameter) in enumerate(tuned.items()):
        row, column = i // columns + 1, i % columns + 1
        for generator, colour in _COLOURS.items():
            trials = [t for t in observed if t.proposal.generator == generator]
            if trials:
                x = [_place(parameter, t.point[name]) for t in trials]
                figure.add_trace(_points(history, trials, x, generator, colour, errors=False), row, column)
        ringed = [t for t in observed if t.id == recommended]
        if ringed:
            figure.add_trace(_ring(history, ringed[0], _place(parameter, ringed[0].point[name])), row, column)
        figure.update_xaxes(_axis(parameter), row=row, col=column)
    _style(figure, height=60 + 240 * rows)
    figure.update_layout(showlegend=False)
    return figure


def timeline_chart(spans: list[Span], start: datetime) -> go.Figure:
    """Return when each attempt ran, in as many lanes as ran at once; failed attempts in another colour."""
    figure = go.Figure()
    for end, colour in _ENDS.items():
        ended = [s for s in spans if s.end == end]
        if not ended:
            continue
        figure.add_trace(
            go.Bar(
                base=[(s.began - start).total_seconds() / 60 for s in ended],
                x=[s.seconds / 60 for s in ended],
                y=[s.lane + 1 for s in ended],
                orientation="h",
                marker={"color": colour, "line": {"width": 1, "color": "rgba(128,128,128,0.6)"}},
                hovertext=[_label(s) for s in ended],
                hoverinfo="text",
                name=end,
            )
        )
    lanes = max((s.lane for s in spans), default=0) + 1
    _style(figure, height=130 + 34 * lanes)
    figure.update_layout(barmode="overlay", legend_y=1.3)
    figure.update_xaxes(title="minutes since the start")
    figure.update_yaxes(title="slot", dtick=1, autorange="reversed")
    return figure


def _label(span: Span) -> str:
    return f"trial {span.trial}, attempt {span.attempt}: {span.cause or span.end}, {duration(span.seconds)}"


def _points(
    history: History, trials: list[Trial], x: list[Any], generator: str, colour: str, *, errors: bool
) -> go.Scatter:
    sems = [_sem(history, t) for t in trials]
    return go.Scatter(
        x=x,
        y=[_mean(history, t) for t in trials],
        error_y={"type": "data", "array": sems, "thickness": 1, "width": 0} if errors and any(sems) else None,
        mode="markers",
        marker={"color": colour, "size": 7, "symbol": "diamond" if generator == "baseline" else "circle"},
        name=generator,
        hovertext=[f"trial {t.id} ({generator})" for t in trials],
        hoverinfo="text+y",
    )


def _ring(history: History, trial: Trial, x: Any) -> go.Scatter:
    ring = {"color": _BEST, "size": 14, "symbol": "circle-open", "line": {"width": 3}}
    return go.Scatter(
        x=[x], y=[_mean(history, trial)], mode="markers", marker=ring, hovertext="recommended", hoverinfo="text"
    )


def _mean(history: History, trial: Trial) -> float:
    assert isinstance(trial.outcome, Observation)
    return trial.outcome.metrics[history.definition.objective.metric].mean


def _sem(history: History, trial: Trial) -> float:
    assert isinstance(trial.outcome, Observation)
    return trial.outcome.metrics[history.definition.objective.metric].sem or 0.0


def _place(parameter: object, value: Any) -> Any:
    return str(value) if isinstance(parameter, CategoricalParameter | OrdinalParameter) else value


def _axis(parameter: Parameter) -> dict[str, Any]:
    """Return the axis of a parameter: its scale with a few round ticks, or its choices in their order."""
    if isinstance(parameter, CategoricalParameter | OrdinalParameter):
        return {"type": "category", "categoryorder": "array", "categoryarray": [str(c) for c in parameter.choices]}
    if isinstance(parameter, FloatParameter | IntParameter) and parameter.scale == "log":
        ticks = _round_numbers(parameter.low, parameter.high)
        return {"type": "log", "tickvals": ticks, "ticktext": [value_text(t) for t in ticks]}
    return {"type": "linear", "nticks": 5}


def _round_numbers(low: float, high: float) -> list[float]:
    """Return powers of ten between two bounds: few are joined by their 2- and 5-fold, many are thinned."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1.0,) if last - first > 2 else (1.0, 2.0, 5.0)
    ticks = [f * 10.0**power for power in range(first, last + 1) for f in factors if low <= f * 10.0**power <= high]
    return ticks[:: -(-len(ticks) // _MOST_TICKS) or 1]


def _style(figure: go.Figure, height: int) -> None:
    figure.update_layout(
        height=height,
        margin={"l": 60, "r": 10, "t": 30, "b": 50},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": _INK},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        hoverlabel={"font": {"family": "system-ui, sans-serif"}},
    )
    figure.update_xaxes(gridcolor=_GRID, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=_GRID, zeroline=False, automargin=True)
    figure.update_annotations(font={"size": 13, "color": _INK})
