"""The charts of a report as plotly JSON, in colours for light and dark pages.

Plotly's own Python classes check and copy every number again and again, which takes a long campaign minutes.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cached_property

from overnight.campaign import History, Trial
from overnight.campaign.evaluation import cause_text
from overnight.campaign.parameters import Value
from overnight.report.numbers import duration, measured, number
from overnight.report.pictures.axes import (
    objective_axis,
    parameter_axis,
    place,
    shortened,
    small,
    spans_decades,
    whole_numbers,
    with_room,
    without_worst,
)
from overnight.report.pictures.colours import BEST, GENERATORS, LIMIT
from overnight.report.pictures.figure import Figure, cut, layout_of, scatter
from overnight.report.pictures.timeline import Span
from overnight.report.selection import MOST, worth_drawing
from overnight.report.statuses import LOOKS
from overnight.report.trial_facts import best_words, cell, ending, point_text, unmet_text

_SYMBOLS = {
    "import": "cross",
    "baseline": "diamond",
    "manual": "square",
    "sobol": "circle",
    "model": "circle",
    "checking": "x",
    "confirming": "star",
    "ramp_up": "star",
    "custom": "triangle-up",
}
_MOST_IN_A_LABEL = 12
# The characters for which an axis has room, below the legend of a narrow page. The heading has the whole name.
_LONGEST_NAME = 32
# The share of a picture's height for what has no value.
_STRIP = 0.08
_HEIGHT_WITHOUT_VALUES = 120
# Of so many results, the worst do not stretch a picture so many times beyond most of them.
_FEWEST_RESULTS, _MUCH = 10, 3.0
# The attempts of a worker whose bars are outlined.
_MOST_OUTLINED = 100


class Pictures:
    """The pictures of the trials of one campaign; `drawn` are those with a value, `without` those that have none.

    They show the metric of an objective, by default of the first one. Of very many trials a part is drawn; the line of
    the best so far knows all of them, except `doubted` ones, whose results look like glitches. Results `below` full
    fidelity or `outside` of the present space are `pale`, and never the best. `words` name the recommended trial.
    """

    def __init__(
        self,
        history: History,
        recommended: int | None,
        metric: str | None = None,
        doubted: Collection[int] = (),
        words: str = "recommended",
    ) -> None:
        self.history, self.metric, self.words = history, metric or history.definition.objective.metric, words
        view = history.model_view()
        self.observed, self._goals = view.observed, history.goals
        self._believed = [trial for trial in view.observed if trial.id not in doubted]
        self._goal = self._goals.pooled
        self._values = {trial.id: trial.measured[self.metric] for trial in view.observed}
        self.drawn = worth_drawing(history, view.observed, recommended)
        ended = sorted((*view.failed, *view.stopped), key=lambda trial: trial.id)
        self.without = worth_drawing(history, ended, recommended)
        self.failed, self.stopped = bool(view.failed), bool(view.stopped)
        self._hollow = {trial.id for trial in view.observed if self._goals.of(trial).verdict(trial.measured) is False}
        compared = {trial.id for trial in self._goals.compared(view.observed)}
        inside = {trial.id for trial in self._goals.inside(view.observed)}
        self.pale = {trial.id for trial in view.observed} - compared
        self.below, self.outside = bool(inside - compared), len(inside) < len(view.observed)
        self._ringed = [trial for trial in view.observed if trial.id == recommended]
        self.logarithmic = spans_decades(view.observed, self.metric)
        self._range = None if self.logarithmic else self._range_of_most()
        # The pictures of all parameters label the same trials.
        self._headings = dict[tuple[int, str], str]()

    def course(self) -> Figure:
        """Return each trial's measured objective with its standard error, and the best measured so far."""
        names = list(self.history.definition.shown_parameters)[:_MOST_IN_A_LABEL]
        data = self._best_so_far()
        data += self._by_generator([(t, t.id) for t in self.drawn], self.metric, names, errors=True)
        data += self._without_value([(t, t.id) for t in self.without], names)
        data += [self._ring(trial, trial.id) for trial in self._ringed]
        last = max(trial.id for trial in (*self.observed, *self.without))
        layout = self._layout(height=380, name=shortened(self.metric, _LONGEST_NAME))
        layout["xaxis"] |= whole_numbers(1, last) | {"title": small("trial")}
        return {"data": data, "layout": layout | {"showlegend": True}}

    @property
    def beyond(self) -> int:
        """Return how many of the drawn results are so much worse than most that the pictures do not reach them."""
        low, high = self._range or (-math.inf, math.inf)
        return sum(not low <= self._values[trial.id].mean <= high for trial in self.drawn)

    def _range_of_most(self) -> tuple[float, float] | None:
        """Return the range of most results, the recommended one and the baseline; None if it is not much narrower."""
        objective = next((each for each in self._goal.objectives if each.metric == self.metric), None)
        values = [self._values[trial.id].mean for trial in self.drawn]
        if objective is None or len(values) < _FEWEST_RESULTS:
            return None
        kept = [t for t in self.drawn if t in self._ringed or t.proposal.generator == "baseline"]
        most = without_worst(values, maximize=objective.turned(1.0) > 0)
        low, high = _ends([*most, *(self._values[trial.id].mean for trial in kept)]) or (0.0, 0.0)
        near = [value for value in values if low - (high - low) <= value <= high + (high - low)]
        low, high = _ends(near) or (low, high)
        narrow = 0 < _MUCH * (high - low) < max(values) - min(values) < math.inf
        return (low, high) if narrow else None

    @cached_property
    def has_line(self) -> bool:
        """Return whether any trial is feasible, so that there is a best one; batches that drift have none in common."""
        return not self.history.definition.is_ab_test and self._goals.best(self._believed) is not None

    @property
    def limited(self) -> list[str]:
        """Return the metrics of constraints that some trial has measured."""
        return [metric for metric in self._goal.limited if any(metric in trial.measured for trial in self.observed)]

    def limit(self, metric: str) -> Figure:
        """Return each trial's measurement of a metric that constraints limit, and the present limits."""
        known = [trial for trial in self.observed if metric in trial.measured]
        placed: list[tuple[Trial, Value]] = [(t, t.id) for t in self.drawn if metric in t.measured]
        data = self._by_generator(placed, metric, [], errors=True)
        ends = _ends(trial.measured[metric].mean for trial in known)
        last, axis = known[-1].id, objective_axis(logarithmic=spans_decades(known, metric), ends=ends)
        for words, end in zip(("at least", "at most"), self._goals.common.judged.limits(metric), strict=True):
            if math.isfinite(end):
                line = {"color": LIMIT, "width": 2, "dash": "dash"}
                name = f"{words} {number(end)}"
                data.append(scatter([1, last], [end, end], mode="lines", line=line, name=name, hoverinfo="name"))
        layout = layout_of(height=260)
        layout["yaxis"] |= axis
        layout["xaxis"] |= whole_numbers(1, last) | {"title": small("trial")}
        return {"data": data, "layout": layout | {"showlegend": False}}

    def parameter(self, name: str) -> Figure:
        """Return the measured objective against one tuned parameter; the recommended trial is ringed."""
        parameter = self.history.definition.parameters_of_point.tuned()[name]

        def placed(trials: Sequence[Trial]) -> list[tuple[Trial, Value]]:
            values = ((t, cell(t, name)) for t in trials)
            return [(t, place(parameter, value)) for t, value in values if value is not None]

        data = self._by_generator(placed(self.drawn), self.metric, [name], errors=False)
        data += self._without_value(placed(self.without), [name])
        data += [self._ring(trial, x) for trial, x in placed(self._ringed)]
        layout = self._layout(height=240)
        layout["xaxis"] |= parameter_axis(parameter)
        return {"data": data, "layout": layout | {"showlegend": False}}

    def _layout(self, height: int, name: str = "") -> Figure:
        """Return a picture's layout, with a strip below for what has no value, if anything has none."""
        layout = layout_of(height if self.drawn else _HEIGHT_WITHOUT_VALUES)
        ends = _ends(self._values[trial.id].mean for trial in self.drawn)
        layout["yaxis"] |= objective_axis(logarithmic=self.logarithmic, ends=ends, name=name)
        if self._range is not None:
            layout["yaxis"] |= {"range": with_room(*self._range)}
        if not self.drawn:
            layout["yaxis"] |= {"visible": False}
        if self.without:
            strip = {"range": [0, 1], "domain": [0, _STRIP], "showgrid": False, "showticklabels": False}
            strip |= {} if self.drawn else {"domain": [0, 0.6]}
            layout["yaxis"] |= {"domain": [strip["domain"][1], 1]}
            layout["xaxis"] |= {"anchor": "y2"}
            layout["yaxis2"] = {"fixedrange": True, "zeroline": False, **strip}
        return layout

    def _best_so_far(self) -> list[Figure]:
        """Return the line of the best measured so far, unless there is none."""
        if not self.has_line:
            return []
        bests = self._goals.best_so_far(self._believed)
        steps = [(trial.id, self._values[best.id].mean) for trial, best in bests if best is not None]
        turns = (
            [step for i, step in enumerate(steps) if i in (0, len(steps) - 1) or step[1] != steps[i - 1][1]]
            if len(steps) > MOST
            else steps
        )
        line = {"shape": "hv", "color": BEST, "width": 2}
        ids, values = [i for i, _ in turns], [value for _, value in turns]
        name = f"{best_words(self._goal)} measured so far"
        return [scatter(ids, values, mode="lines", line=line, name=name, hoverinfo="skip")]

    def _by_generator(
        self, placed: list[tuple[Trial, Value]], metric: str, labelled: list[str], *, errors: bool
    ) -> list[Figure]:
        """Return a trace of points for each generator that made some of the trials; labels name some parameters."""
        traces = []
        # The legend shows the first point of a trace.
        placed = sorted(placed, key=lambda pair: (pair[0].id in self.pale, pair[0].id in self._hollow))
        for generator, colour in GENERATORS.items():
            mine = [(t, x) for t, x in placed if t.proposal.generator == generator]
            if not mine:
                continue
            trace = scatter(
                [x for _, x in mine],
                [t.measured[metric].mean for t, _ in mine],
                mode="markers",
                marker=self._marker(generator, colour, [t for t, _ in mine]),
                name=generator,
                **self._labels([t for t, _ in mine], metric, labelled),
            )
            sems = [t.measured[metric].sem or 0.0 for t, _ in mine]
            bars = {"error_y": {"type": "data", "array": sems, "thickness": 1, "width": 0}}
            traces.append(trace | (bars if errors and any(sems) else {}))
        return traces

    def _marker(self, generator: str, colour: str, trials: list[Trial]) -> Figure:
        """Return the look of a generator's points: hollow if infeasible, small and pale if it is never the best."""
        marker: Figure = {"color": colour, "size": 7, "symbol": _SYMBOLS[generator], "opacity": 0.85}
        if self.pale:
            marker["size"] = [5 if trial.id in self.pale else 7 for trial in trials]
            marker["opacity"] = [0.6 if trial.id in self.pale else 0.85 for trial in trials]
        if self._hollow.isdisjoint(trial.id for trial in trials):
            return marker
        symbols = [f"{_SYMBOLS[generator]}{'-open' if t.id in self._hollow else ''}" for t in trials]
        return marker | {"symbol": symbols, "line": {"width": 1.5, "color": colour}}

    def _without_value(self, placed: list[tuple[Trial, Value]], labelled: list[str]) -> list[Figure]:
        """Return the points that gave no value, in a strip below those that did."""
        traces = []
        marked = {status: look for status, look in LOOKS.items() if look.symbol is not None}
        for status, look in marked.items():
            mine = [(t, x) for t, x in placed if t.status == status]
            if mine:
                trace = scatter(
                    [x for _, x in mine],
                    [0.4] * len(mine),
                    mode="markers",
                    marker={"color": look.colour, "size": 7, "symbol": look.symbol, "opacity": 0.85},
                    name=look.words,
                    **self._labels([t for t, _ in mine], self.metric, labelled),
                )
                traces.append(trace | {"yaxis": "y2"})
        return traces

    def _ring(self, trial: Trial, x: Value) -> Figure:
        marker = {"color": BEST, "size": 14, "symbol": "circle-open", "line": {"width": 2.5}}
        value = self._values[trial.id].mean
        return scatter([x], [value], mode="markers", marker=marker, name=self.words, hoverinfo="skip")

    def labels(self, trials: Sequence[Trial], names: Sequence[str]) -> Figure:
        """Return the labels of a trace of trials, with the values of some parameters."""
        return self._labels(trials, self.metric, names)

    def _labels(self, trials: Sequence[Trial], metric: str, names: Sequence[str]) -> Figure:
        """Return labels of two parts: a heading, which the pictures of a metric share, and the values."""
        found: Figure = {"hovertext": [self._heading(trial, metric) for trial in trials], "hoverinfo": "text"}
        if not names:
            return found
        values = [[point_text(trial, [name], equals=" = ") for name in names] for trial in trials]
        found["customdata"] = ["".join(f"<br>{cut(line)}" for line in lines if line) for lines in values]
        return found | {"hovertemplate": "%{hovertext}%{customdata}<extra></extra>"}

    def _heading(self, trial: Trial, metric: str) -> str:
        known = self._headings.get((trial.id, metric))
        if known is None:
            value, unmet = trial.measured.get(metric), unmet_text(self._goals.of(trial), trial)
            became = str(ending(trial)) if value is None else f"{metric} {measured(value)}"
            lines = [f"trial {trial.id} ({trial.proposal.generator})", became]
            lines += [f"infeasible: {unmet}"] if unmet else []
            known = self._headings[trial.id, metric] = "<br>".join(map(cut, lines))
        return known


def _ends(values: Iterable[float]) -> tuple[float, float] | None:
    """Return the least and the largest of these values; None without any."""
    known = sorted(values)
    return (known[0], known[-1]) if known else None


def timeline_chart(spans: Sequence[Span], start: datetime) -> Figure:
    """Return when each attempt ran, in as many lanes as ran at once; each way to end has its colour and hatching."""
    longest = max((s.ended - start).total_seconds() for s in spans)
    unit, seconds = ("hours", 3600) if longest > 3 * 3600 else ("minutes", 60) if longest > 180 else ("seconds", 1)
    lanes = max((s.lane for s in spans), default=0) + 1
    # Outlines would hide the colours of very narrow bars.
    outline = 1 if len(spans) <= _MOST_OUTLINED * lanes else 0
    bars = []
    for end, look in LOOKS.items():
        ended = [s for s in spans if s.end == end]
        if ended:
            bars.append(
                {
                    "type": "bar",
                    "base": [(s.began - start).total_seconds() / seconds for s in ended],
                    "x": [s.seconds / seconds for s in ended],
                    "y": [s.lane + 1 for s in ended],
                    "orientation": "h",
                    "marker": {
                        "color": look.colour,
                        "line": {"width": outline, "color": "rgba(128,128,128,0.6)"},
                        "pattern": {"shape": look.hatching, "fillmode": "overlay"},
                    },
                    "hovertext": [_span_label(s) for s in ended],
                    "hoverinfo": "text",
                    "name": "not ended" if end == "running" else look.words,
                }
            )
    layout = layout_of(height=130 + min(34 * lanes, 900)) | {"barmode": "overlay", "showlegend": True}
    layout["xaxis"] |= {"title": small(f"{unit} since the first attempt")}
    ticks = {"tickformat": "d", "nticks": min(lanes, 20) + 1, "range": [lanes + 0.6, 0.4]}
    layout["yaxis"] |= {"title": small("worker")} | ticks
    return {"data": bars, "layout": layout}


def _span_label(span: Span) -> str:
    end = LOOKS[span.end].words if span.cause is None else cause_text(span.cause)
    return f"trial {span.trial}, attempt {span.attempt}: {end}, {duration(span.seconds)}"
