"""The course of a campaign as one small SVG, for places that run no scripts."""

import math
from collections.abc import Collection
from dataclasses import dataclass

from overnight.campaign import Goal, History, Trial
from overnight.campaign.experiment.own_batch import Goals
from overnight.report.numbers import number
from overnight.report.pictures.axes import shortened, spans_decades
from overnight.report.pictures.colours import BEST, GENERATORS, GRID, INK
from overnight.report.pictures.svg import BOTTOM, HEIGHT, LEFT, LETTER, RIGHT, TOP, WIDTH, legend, svg, text_at
from overnight.report.selection import worth_drawing
from overnight.report.story.goal.front import Front, front_of

_TICKS = 5
# The characters of a metric's name for which there is room beside the legend.
_LONGEST_NAME = 30
# Linear positions are smaller than the values, so that the range and the room of the largest floats are floats.
_UNIT = 16.0
# The look of a result, and of one below full fidelity or outside of the present space, which is never the best.
_PLAIN, _PALE = 'r="3.5"', 'r="2" opacity="0.4"'


def trace_picture(history: History, doubted: Collection[int] = ()) -> str | None:
    """Return each trial's measured objective and the best measured so far as an SVG; None if nothing is observed.

    Results of `doubted` trials look like glitches, and are drawn, but are never the best.
    With several objectives, it is the hypervolume of the results up to each trial; None as long as none is known.
    """
    observed = history.model_view().observed
    if not observed:
        return None
    if (front := front_of(history, None)) is not None:
        return _course_of(front, observed[-1].id)
    metric, goals = history.definition.objective.metric, history.goals
    goal = goals.pooled
    values = {trial.id: value.mean for trial, value in zip(observed, goal.values_of(observed), strict=True)}
    frame = _Frame.around(values, log=spans_decades(observed, metric))
    drifts = history.definition.is_ab_test
    # Batches that drift have no best result in common.
    believed = [trial for trial in observed if trial.id not in doubted]
    bests = () if drifts else goals.best_so_far(believed)
    line = _best_line(frame, {t.id: values[b.id] for t, b in bests if b is not None})
    compared = {trial.id for trial in goals.compared(observed)}
    name = shortened(f"{metric}, logarithmic" if frame.log else metric, _LONGEST_NAME)
    parts = [*_grid(frame, name), line]
    parts += [
        f'<circle cx="{frame.x(trial.id):.1f}" cy="{frame.y(values[trial.id]):.1f}" '
        f"{_PLAIN if trial.id in compared else _PALE} {_paint(goals, trial)}/>"
        for trial in worth_drawing(history, observed, None)
    ]
    after = LEFT + 8 if _is_short(name) else 8 + LETTER * len(name) + 16
    parts += _legend(goal, {trial.proposal.generator for trial in observed}, after, with_best=not drifts)
    return svg(parts)


def _course_of(front: Front, last: int) -> str | None:
    """Return the hypervolume as a line with a point for each trial that enlarged it."""
    known = {each.trial: each.hypervolume for each in front.course if each.hypervolume is not None}
    if not known:
        return None
    values = known | {last: [*known.values()][-1]}
    frame = _Frame.around(values, log=False)
    circles = (f'<circle cx="{frame.x(t):.1f}" cy="{frame.y(v):.1f}" r="3.5" fill="{BEST}"/>' for t, v in known.items())
    # The word is wider than the room to the left of the picture.
    name = text_at(8, 18, "hypervolume", "start")
    return svg([*_grid(frame, ""), name, _best_line(frame, values), *circles])


@dataclass(frozen=True)
class _Frame:
    """The positions of trials and values; `low` and `high` are logarithms, or values divided by _UNIT."""

    first: int
    last: int
    low: float
    high: float
    log: bool

    @classmethod
    def around(cls, values: dict[int, float], *, log: bool) -> "_Frame":
        places = [math.log10(value) if log else value / _UNIT for value in values.values()]
        # Leave room at both ends, even if all values are the same.
        room = 0.05 * (max(places) - min(places)) or 0.05 * abs(places[0]) or 1.0
        return cls(min(values), max(values), min(places) - room, max(places) + room, log)

    def x(self, trial: int) -> float:
        share = (trial - self.first) / (self.last - self.first) if self.last > self.first else 0.5
        return LEFT + 8 + share * (WIDTH - LEFT - RIGHT - 16)

    def y(self, value: float) -> float:
        place = math.log10(value) if self.log else value / _UNIT
        return HEIGHT - BOTTOM - (place - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def ticks(self) -> list[float]:
        places = [self.low + (self.high - self.low) * (i + 0.5) / _TICKS for i in range(_TICKS)]
        if self.log:
            # Within the range of the measurements, a power of ten is a float.
            return [10.0**place for place in places]
        return [_UNIT * place for place in places if math.isfinite(_UNIT * place)]


def _grid(frame: _Frame, name: str) -> list[str]:
    parts = []
    for tick in frame.ticks():
        y = frame.y(tick)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(text_at(LEFT - 8, y + 4, number(tick, 3), "end"))
    numbered = dict.fromkeys((frame.first, (frame.first + frame.last) // 2, frame.last))
    parts += [text_at(frame.x(trial), HEIGHT - BOTTOM + 18, str(trial), "middle") for trial in numbered]
    named = text_at(LEFT - 8, 18, name, "end") if _is_short(name) else text_at(8, 18, name, "start")
    return [*parts, named, text_at(WIDTH - RIGHT, HEIGHT - 4, "trial", "end")]


def _is_short(name: str) -> bool:
    """Return whether the room to the left of the picture holds a name."""
    return LETTER * len(name) <= LEFT - 8


def _best_line(frame: _Frame, bests: dict[int, float]) -> str:
    """Return the steps of the best measured so far, by trial; no line if none is feasible."""
    path = ""
    for trial, best in bests.items():
        x, y = frame.x(trial), frame.y(best)
        path += f"H{x:.1f}V{y:.1f}" if path else f"M{x:.1f} {y:.1f}"
    return path and f'<path d="{path}" fill="none" stroke="{BEST}" stroke-width="2"/>'


def _legend(goal: Goal, generators: set[str], x: float, *, with_best: bool) -> list[str]:
    names = {name: colour for name, colour in GENERATORS.items() if name in generators}
    hollow = {"infeasible": f'fill="none" stroke="{INK}"'} if goal.constraints else {}
    # The room is short.
    best = {"best feasible so far" if goal.constraints else "best measured so far": BEST} if with_best else {}
    filled = best | names
    return legend({name: f'fill="{colour}"' for name, colour in filled.items()} | hollow, x)


def _paint(goals: Goals, trial: Trial) -> str:
    """Return a filled point, or a hollow one if the trial is infeasible as measured."""
    colour = GENERATORS[trial.proposal.generator]
    hollow = goals.of(trial).verdict(trial.measured) is False
    return f'fill="none" stroke="{colour}" stroke-width="1.5"' if hollow else f'fill="{colour}"'
