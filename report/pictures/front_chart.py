"""The pictures of a front: two objectives against each other, and the hypervolume over the trials."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

from overnight.campaign import History, Measurement, Objective, Trial
from overnight.campaign.goal.constraint import Constraint
from overnight.report.numbers import measured, number, probability
from overnight.report.phrases.front import value_text
from overnight.report.pictures.axes import objective_axis, shortened, small, whole_numbers
from overnight.report.pictures.colours import BEST, GENERATORS, LIMIT, OTHERS, PREFERRED
from overnight.report.pictures.figure import Figure, cut, layout_of, scatter
from overnight.report.pictures.front_geometry import Window, border, window_of
from overnight.report.selection import worth_drawing
from overnight.report.story.goal.front import Front, FrontPoint, Value
from overnight.report.trial_facts import point_text, unmet_text

_MOST_IN_A_LABEL = 12
# The most letters of a name at the axis of a small picture, and of a large one.
_LONGEST_NAMES = 26, 44
# Of more points in a small or a large picture, error bars would hide the front.
_MOST_BARS = 25, 60
_PALE = "rgba(26,156,116,0.45)"
_NO_USE = "rgba(128,128,128,0.16)"
_HEIGHT, _LOW_HEIGHT = 440, 300


class FrontPictures:
    """The pictures of the front of one campaign, one for each pair of objectives; `words` name the ringed point."""

    def __init__(self, history: History, front: Front, words: str = "recommended") -> None:
        self.front, self._history, self._goal, self._words = front, history, history.goal, words
        self._observed = history.model_view().observed
        on_front, chosen = {point.trial for point in front.points}, front.recommended and front.recommended.trial
        self._others = [t for t in worth_drawing(history, self._observed, chosen) if t.id not in on_front]
        self._names = list(history.definition.parameters_of_point.tuned())[:_MOST_IN_A_LABEL]
        self.pairs = list(combinations(range(len(front.objectives)), 2)) if self._observed else []
        self._alone = len(front.objectives) == 2

    @property
    def outside(self) -> int:
        """Return how many measured points lie so far from the front that no picture shows them."""
        windows = [self._window(i) for i in range(len(self.front.objectives))]
        metrics = [objective.metric for objective in self.front.objectives]
        shown = [[w.shows(t.measured[m].mean) for w, m in zip(windows, metrics, strict=True)] for t in self._others]
        return sum(not any(each[i] and each[j] for i, j in self.pairs) for each in shown)

    @property
    def bars(self) -> bool:
        """Return whether intervals are drawn: some are known, and they are not too many."""
        points = self.front.points
        return len(points) <= _MOST_BARS[self._alone] and any(_known(value) for each in points for value in each.values)

    def pair(self, i: int, j: int) -> Figure:
        """Return the measured points by two objectives, with the front, its intervals, and lines of limits."""
        x, y = self._window(i), self._window(j)
        data = [*self._limits(i, x, y), *self._limits(j, y, x, across=True), *self._measured_points(i, j, x, y)]
        data += self._baseline(i, j)
        if self.front.points:
            data += [self._steps()] if self._alone else []
            data.append(self._on_front(i, j))
        data += self._marks(i, j)
        layout = layout_of(_HEIGHT if self._alone else _LOW_HEIGHT)
        layout["xaxis"] |= self._axis(i, x)
        layout["yaxis"] |= self._axis(j, y)
        layout |= {"showlegend": self._alone, "shapes": self._of_no_use(i, j, x, y)}
        return {"data": data, "layout": layout}

    def course(self) -> Figure:
        """Return the hypervolume of the results up to each trial."""
        known = [(each.trial, each.hypervolume) for each in self.front.course if each.hypervolume is not None]
        last = max(trial.id for trial in self._observed)
        ids, volumes = [trial for trial, _ in known], [volume for _, volume in known]
        line = {"shape": "hv", "color": BEST, "width": 2}
        more: dict[str, Any] = {"name": "hypervolume", "hoverinfo": "skip", "mode": "lines", "line": line}
        labels = [f"trial {trial}<br>hypervolume {number(volume)}" for trial, volume in known]
        marks = {"mode": "markers", "marker": {"color": BEST, "size": 6}, "hovertext": labels, "hoverinfo": "text"}
        layout = layout_of(260)
        layout["yaxis"] |= objective_axis(logarithmic=False, name="hypervolume")
        layout["xaxis"] |= whole_numbers(1, last) | {"title": small("trial")}
        data = [scatter([*ids, last], [*volumes, volumes[-1]], **more), scatter(ids, volumes, name="trial", **marks)]
        return {"data": data, "layout": layout | {"showlegend": False}}

    def _window(self, i: int) -> Window:
        """Return the window of an objective, in which limits and the reference lie as well if they are not far."""
        objective = self.front.objectives[i]
        near = [end for each in self._constraints(objective) for end in self._ends_of(each)]
        near += [self.front.worst[objective.metric]] if objective.metric in self.front.worst else []
        return window_of(self.front, i, self._observed, near)

    def _axis(self, i: int, window: Window) -> dict[str, Any]:
        name = shortened(str(self.front.objectives[i]), _LONGEST_NAMES[self._alone])
        axis = objective_axis(logarithmic=window.log, ends=window.values, name=name)
        return axis | ({} if window.ends is None else {"range": list(window.ends)})

    def _measured_points(self, i: int, j: int, x: Window, y: Window) -> Iterator[Figure]:
        """Yield the measured points that are not on the front: those that are feasible, and the others."""
        first, second = (self.front.objectives[k].metric for k in (i, j))
        kinds: dict[str, list[Trial]] = {"not on the front": [], "infeasible": []}
        for trial in self._others:
            kinds["infeasible" if self._goal.verdict(trial.measured) is False else "not on the front"].append(trial)
        for name, trials in kinds.items():
            shown = [t for t in trials if x.shows(t.measured[first].mean) and y.shows(t.measured[second].mean)]
            if shown:
                symbol = "circle-open" if name == "infeasible" else "circle"
                yield scatter(
                    [t.measured[first].mean for t in shown],
                    [t.measured[second].mean for t in shown],
                    mode="markers",
                    marker={"color": OTHERS, "size": 6, "symbol": symbol, "opacity": 0.6},
                    name=name,
                    hovertext=[self._label(t) for t in shown],
                    hoverinfo="text",
                )

    def _on_front(self, i: int, j: int) -> Figure:
        points = self.front.points
        trace = scatter(
            [point.values[i].mean for point in points],
            [point.values[j].mean for point in points],
            mode="markers",
            marker={"color": BEST, "size": 8},
            name="on the front",
            hovertext=[self._front_label(point) for point in points],
            hoverinfo="text",
        )
        if self.bars:
            bars = {"error_x": [point.values[i] for point in points], "error_y": [point.values[j] for point in points]}
            trace |= {name: _bars(values) for name, values in bars.items() if any(map(_known, values))}
        return trace

    def _steps(self) -> Figure:
        corners = border(self.front)
        more: dict[str, Any] = {"name": "border of the dominated area", "hoverinfo": "skip", "showlegend": False}
        line = {"color": BEST, "width": 1.5}
        return scatter([x for x, _ in corners], [y for _, y in corners], mode="lines", line=line, **more)

    def _baseline(self, i: int, j: int) -> Iterator[Figure]:
        if self.front.baseline is not None:
            values = self.front.baseline.values
            marker = {"color": GENERATORS["baseline"], "size": 13, "symbol": "diamond"}
            label = "<br>".join(map(cut, ["baseline", *(f"{v.metric} {value_text(v)}" for v in values)]))
            more: dict[str, Any] = {"hovertext": [label], "hoverinfo": "text", "name": "baseline"}
            yield scatter([values[i].mean], [values[j].mean], mode="markers", marker=marker, **more)

    def _marks(self, i: int, j: int) -> Iterator[Figure]:
        """Yield the ring of the recommended point, and the reference of the hypervolume."""
        if self.front.recommended is not None:
            values = self.front.recommended.values
            marker = {"color": BEST, "size": 17, "symbol": "circle-open", "line": {"width": 2.5}}
            more: dict[str, Any] = {"marker": marker, "name": self._words, "hoverinfo": "skip"}
            yield scatter([values[i].mean], [values[j].mean], mode="markers", **more)

    def _limits(self, i: int, along: Window, other: Window, *, across: bool = False) -> Iterator[Figure]:
        """Yield the lines of the constraints on an objective and of preferences, if they lie in the window."""
        objective, ends = self.front.objectives[i], other.values
        for constraint in self._constraints(objective):
            liked = constraint not in self._goal.constraints
            for end in self._ends_of(constraint):
                if ends is None or not along.shows(end):
                    continue
                line = {"color": PREFERRED if liked else LIMIT, "width": 1.5, "dash": "dot" if liked else "dash"}
                name = cut(f"{'prefer ' if liked else ''}{constraint}")
                xs, ys = ([*ends], [end, end]) if across else ([end, end], [*ends])
                yield scatter(xs, ys, mode="lines", line=line, name=name, hoverinfo="name")

    def _constraints(self, objective: Objective) -> Iterator[Constraint]:
        for constraint in (*self._goal.judged.constraints, *self._history.definition.prefer):
            if constraint.metric == objective.metric:
                yield constraint

    def _ends_of(self, constraint: Constraint) -> list[float]:
        base = self._history.at_baseline.get(constraint.metric)
        return [end for end in constraint.limits(None if base is None else base.mean) if math.isfinite(end)]

    def _of_no_use(self, i: int, j: int, x: Window, y: Window) -> list[Figure]:
        """Return the areas beyond the `worst` values that a person has given."""
        areas = []
        for k, window, axis in ((i, x, "x"), (j, y, "y")):
            objective, ends = self.front.objectives[k], window.values
            if objective.worst is None or ends is None:
                continue
            beyond = min(ends, key=objective.turned)
            if objective.turned(beyond) < objective.turned(objective.worst):
                other = "y" if axis == "x" else "x"
                places = {f"{axis}0": objective.worst, f"{axis}1": beyond, f"{other}0": 0, f"{other}1": 1}
                refs = {f"{axis}ref": axis, f"{other}ref": f"{other} domain"}
                areas.append(
                    {"type": "rect", "layer": "below", "fillcolor": _NO_USE, "line": {"width": 0}, **places, **refs}
                )
        return areas

    def _label(self, trial: Trial) -> str:
        metrics = [each.metric for each in self.front.objectives]
        lines = [f"trial {trial.id} ({trial.proposal.generator})"]
        lines += [f"{name} {measured(trial.measured[name])}" for name in metrics]
        lines += [f"infeasible: {unmet}" for unmet in [unmet_text(self._goal, trial)] if unmet]
        return "<br>".join(map(cut, [*lines, *self._parameters(trial)]))

    def _front_label(self, point: FrontPoint) -> str:
        lines = [f"trial {point.trial}, on the front"]
        lines[0] += "" if point.probability is None else f" with a probability of {probability(point.probability)}"
        lines += [
            f"{value.metric} {value_text(value)}{_as_measured(value.measurement, value)}" for value in point.values
        ]
        return "<br>".join(map(cut, [*lines, *self._parameters(self._history.trials[point.trial])]))

    def _parameters(self, trial: Trial) -> Iterable[str]:
        return filter(None, (point_text(trial, [name], equals=" = ") for name in self._names))


def _as_measured(found: Measurement | None, value: Value) -> str:
    return "" if found is None or found.mean == value.mean else f" (measured {measured(found)})"


def _known(value: Value) -> bool:
    return value.low is not None and value.high is not None and math.isfinite(value.high - value.low)


def _bars(values: Sequence[Value]) -> Figure:
    """Return bars that reach to both ends of each interval."""
    known = [
        (v.mean - v.low, v.high - v.mean) if _known(v) and v.low is not None and v.high is not None else (0.0, 0.0)
        for v in values
    ]
    below, above = ([max(pair[side], 0.0) for pair in known] for side in (0, 1))
    look = {"thickness": 1.2, "width": 0, "color": _PALE}
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, **look}
