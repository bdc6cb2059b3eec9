"""The pictures of a report, as plotly figures that read well in the light and in the dark.

Plotly reads a small HTML in every text, so names and choices are escaped before they go there.
"""

import json
import math
import re
from datetime import datetime
from html import escape
from typing import Any

import plotly.graph_objects as go

from campaign import History, Trial
from campaign.evaluation import cause_text
from campaign.space import CategoricalParameter, FloatParameter, IntParameter, OrdinalParameter, Parameter, Value
from campaign.trial import Observation
from report.colours import BEST, ENDS, GENERATORS, GRID, INK
from report.numbers import duration, measured, value_text
from report.timeline import Span

_SYMBOLS = {
    "import": "cross",
    "baseline": "diamond",
    "manual": "square",
    "sobol": "circle",
    "model": "circle",
    "custom": "triangle-up",
}
_HATCHING = {"stopped early": "/", "failed": "x", "abandoned": "."}
_MOST_TICKS = 6
_MOST_IN_A_LABEL = 12
_LONGEST_CHOICE = 14
# Beyond this ratio of the largest to the smallest value, a linear axis shows the largest only.
_WIDE = 1000.0


def course_chart(history: History, recommended: int | None) -> go.Figure:
    """Return each trial's measured objective with its standard error, and the best measured so far."""
    observed = history.model_view().observed
    ids = [t.id for t in observed]
    figure = go.Figure()
    best = {"shape": "hv", "color": BEST, "width": 2}
    running = _running_best(history, observed)
    figure.add_scatter(x=ids, y=running, mode="lines", line=best, name="best measured so far", hoverinfo="skip")
    names = list(history.definition.parameters.tuned())[:_MOST_IN_A_LABEL]
    for trace in _by_generator(history, [(t, t.id) for t in observed], names, errors=True):
        figure.add_trace(trace)
    for trial in observed:
        if trial.id == recommended:
            figure.add_trace(_ring(history, trial, trial.id))
    _style(figure, height=380)
    figure.update_xaxes(_whole_numbers(1, max(ids)), title="trial")
    figure.update_yaxes(
        _objective_axis(history, observed), title=escape(history.definition.objective.metric, quote=False)
    )
    return figure


def parameter_chart(history: History, name: str, recommended: int | None) -> go.Figure:
    """Return the measured objective against one tuned parameter; the recommended trial is ringed."""
    parameter = history.definition.parameters.tuned()[name]
    observed = history.model_view().observed
    placed = [(t, _place(parameter, t.point[name])) for t in observed]
    figure = go.Figure(_by_generator(history, placed, [name], errors=False))
    for trial in observed:
        if trial.id == recommended:
            figure.add_trace(_ring(history, trial, _place(parameter, trial.point[name])))
    _style(figure, height=240)
    figure.update_layout(showlegend=False)
    figure.update_xaxes(_parameter_axis(parameter))
    figure.update_yaxes(_objective_axis(history, observed), nticks=5)
    return figure


def timeline_chart(spans: list[Span], start: datetime) -> go.Figure:
    """Return when each attempt ran, in as many lanes as ran at once; each way to end has its colour and hatching."""
    figure = go.Figure()
    longest = max((s.ended - start).total_seconds() for s in spans)
    unit, seconds = ("hours", 3600) if longest > 3 * 3600 else ("minutes", 60) if longest > 180 else ("seconds", 1)
    for end, colour in ENDS.items():
        ended = [s for s in spans if s.end == end]
        if ended:
            figure.add_bar(
                base=[(s.began - start).total_seconds() / seconds for s in ended],
                x=[s.seconds / seconds for s in ended],
                y=[s.lane + 1 for s in ended],
                orientation="h",
                marker={
                    "color": colour,
                    "line": {"width": 1, "color": "rgba(128,128,128,0.6)"},
                    "pattern": {"shape": _HATCHING.get(end, ""), "fillmode": "overlay"},
                },
                hovertext=[_span_label(s) for s in ended],
                hoverinfo="text",
                name="not ended" if end == "running" else end,
            )
    lanes = max((s.lane for s in spans), default=0) + 1
    _style(figure, height=130 + min(34 * lanes, 900))
    figure.update_layout(barmode="overlay", showlegend=True)
    figure.update_xaxes(title=f"{unit} since the first attempt")
    figure.update_yaxes(title="worker", tickformat="d", nticks=min(lanes, 20) + 1, range=[lanes + 0.6, 0.4])
    return figure


def _running_best(history: History, observed: tuple[Trial, ...]) -> list[float]:
    sign, best = history.definition.objective.sign, -math.inf
    steps = []
    for trial in observed:
        best = max(best, sign * _mean(history, trial))
        steps.append(sign * best)
    return steps


def _by_generator(
    history: History, placed: list[tuple[Trial, Value]], labelled: list[str], *, errors: bool
) -> list[go.Scatter]:
    """Return a trace of points for each generator that made some of the trials; labels name some parameters."""
    traces = []
    for generator, colour in GENERATORS.items():
        mine = [(t, x) for t, x in placed if t.proposal.generator == generator]
        sems = [_sem(history, t) for t, _ in mine]
        if mine:
            traces.append(
                go.Scatter(
                    x=[x for _, x in mine],
                    y=[_mean(history, t) for t, _ in mine],
                    error_y={"array": sems, "thickness": 1, "width": 0} if errors and any(sems) else None,
                    mode="markers",
                    marker={"color": colour, "size": 7, "symbol": _SYMBOLS[generator], "opacity": 0.85},
                    name=generator,
                    hovertext=[_trial_label(history, t, labelled) for t, _ in mine],
                    hoverinfo="text",
                )
            )
    return traces


def _ring(history: History, trial: Trial, x: Value) -> go.Scatter:
    return go.Scatter(
        x=[x],
        y=[_mean(history, trial)],
        mode="markers",
        marker={"color": BEST, "size": 14, "symbol": "circle-open", "line": {"width": 2.5}},
        name="recommended",
        hoverinfo="skip",
    )


def _trial_label(history: History, trial: Trial, names: list[str]) -> str:
    assert isinstance(trial.outcome, Observation)
    metric = history.definition.objective.metric
    lines = [f"trial {trial.id} ({trial.proposal.generator})", f"{metric} {measured(trial.outcome.metrics[metric])}"]
    lines += [f"{name} = {value_text(trial.point[name])}" for name in names]
    return "<br>".join(escape(line, quote=False) for line in lines)


def _span_label(span: Span) -> str:
    end = span.end if span.cause is None else cause_text(span.cause)
    return f"trial {span.trial}, attempt {span.attempt}: {end}, {duration(span.seconds)}"


def _mean(history: History, trial: Trial) -> float:
    assert isinstance(trial.outcome, Observation)
    return trial.outcome.metrics[history.definition.objective.metric].mean


def _sem(history: History, trial: Trial) -> float:
    assert isinstance(trial.outcome, Observation)
    return trial.outcome.metrics[history.definition.objective.metric].sem or 0.0


def _place(parameter: Parameter, value: Value) -> Value:
    return _choice(value) if isinstance(parameter, CategoricalParameter | OrdinalParameter) else value


def _choice(value: Value) -> str:
    """Return a choice as it is written in YAML, with all digits."""
    return escape(value if isinstance(value, str) else json.dumps(value), quote=False)


def _parameter_axis(parameter: Parameter) -> dict[str, Any]:
    """Return the axis of a parameter: its scale with a few round ticks, or its choices in their order."""
    match parameter:
        case CategoricalParameter() | OrdinalParameter():
            choices = [_choice(c) for c in parameter.choices]
            # A choice that was never tried keeps its place: half a step of room at both ends.
            axis = {"type": "category", "categoryarray": choices, "range": [-0.5, len(choices) - 0.5]}
            return axis | {"tickvals": choices, "ticktext": [_short(c) for c in choices]}
        case FloatParameter(scale="log") | IntParameter(scale="log"):
            ticks = _round_numbers(parameter.low, parameter.high)
            bounds = _with_room(math.log10(parameter.low), math.log10(parameter.high))
            return {"type": "log", "range": bounds, "tickvals": ticks, "ticktext": [value_text(t) for t in ticks]}
        case FloatParameter():
            return {"type": "linear", "range": _with_room(parameter.low, parameter.high), "nticks": _MOST_TICKS}
        case IntParameter():
            bounds = _with_room(parameter.low, parameter.high)
            return {"type": "linear", "range": bounds, **_whole_numbers(parameter.low, parameter.high)}
    return {}


def _with_room(low: float, high: float) -> list[float]:
    room = 0.05 * high - 0.05 * low
    return [low - room, high + room]


def _whole_numbers(low: int, high: int) -> dict[str, Any]:
    """Return ticks at whole numbers only."""
    return {"tickformat": "d", "dtick": 1} if high - low < _MOST_TICKS else {"tickformat": "d", "nticks": _MOST_TICKS}


def _short(choice: str) -> str:
    """Return a choice that leaves room for its chart; an entity that was cut is left out whole."""
    if len(choice) <= _LONGEST_CHOICE:
        return choice
    return re.sub(r"&[a-z]*$", "", choice[: _LONGEST_CHOICE - 1]) + "…"


def _round_numbers(low: float, high: float) -> list[float]:
    """Return powers of ten between two bounds: few are joined by their 2- and 5-fold, many are thinned."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1.0,) if last - first > 2 else (1.0, 2.0, 5.0)
    ticks = [f * 10.0**power for power in range(first, last + 1) for f in factors if low <= f * 10.0**power <= high]
    return ticks[:: -(-len(ticks) // _MOST_TICKS) or 1]


def _objective_axis(history: History, observed: tuple[Trial, ...]) -> dict[str, Any]:
    values = [_mean(history, t) for t in observed]
    if min(values) > 0 and max(values) / min(values) > _WIDE:
        return {"type": "log", "nticks": 6, "exponentformat": "power"}
    return {"type": "linear", "exponentformat": "power"}


def _style(figure: go.Figure, height: int) -> None:
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"font": {"family": "system-ui, sans-serif"}, "align": "left"},
        # Without dragging, a finger on a chart scrolls the page.
        dragmode=False,
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, automargin=True, fixedrange=True)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True, fixedrange=True)
