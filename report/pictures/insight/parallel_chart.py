"""Parallel coordinates: each trial as a line through its values, with a row for the metric and for each parameter.

The rows lie below each other, so that names are readable on a narrow page as well.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from overnight.campaign import Trial
from overnight.campaign.parameters import Parameter
from overnight.campaign.values.number_line import place_of
from overnight.report.numbers import number, value_text
from overnight.report.pictures.axes import middle_cut, shortened, text_of
from overnight.report.pictures.charts import Pictures
from overnight.report.pictures.colours import BEST, GRID, INK, OTHERS
from overnight.report.pictures.figure import Figure, few_digits, layout_of
from overnight.report.selection import evenly
from overnight.report.trial_facts import cell

_ROW, _AROUND, _LONGEST_NAME, _LONGEST_VALUE = 44, 70, 16, 12
# So many lines can be distinguished; choices are written if they are few.
_MOST_LINES, _MOST_CHOICES = 300, 4
# Worse results than this share of all lie at the end of the row of the metric.
_SHOWN = 0.9


@dataclass(frozen=True)
class _Metric:
    """The metric with the values at the `first` and the `last` end of its row."""

    name: str
    first: float
    last: float
    logarithmic: bool


def parallel_chart(pictures: Pictures, names: Sequence[str], best: Collection[int], *, maximize: bool) -> Figure:
    """Return the lines of all comparable results through these parameters; those of the `best` are in front."""
    parameters = pictures.history.definition.parameters_of_point.tuned()
    chosen = [(name, parameters[name]) for name in names]
    compared = [trial for trial in pictures.drawn if trial.id not in pictures.pale]
    others = evenly([trial for trial in compared if trial.id not in best], _MOST_LINES)
    front = [trial for trial in compared if trial.id in best]
    metric = _Metric(pictures.metric, *_ends(pictures.metric, compared, maximize=maximize), pictures.logarithmic)
    data = [
        _lines("other results", others, metric, chosen, {"width": 1, "color": OTHERS}, 0.35),
        _lines("best results", front, metric, chosen, {"width": 2, "color": BEST}, 0.9),
    ]
    layout: Figure = layout_of(height=_AROUND + _ROW * (len(chosen) + 1)) | {"showlegend": True}
    layout["annotations"] = [*_words(metric, chosen)]
    layout["xaxis"] |= {"range": [-0.06, 1.06], "showticklabels": False, "showgrid": False}
    rows = [text_of(middle_cut(name, _LONGEST_NAME)) for name in (pictures.metric, *names)]
    layout["yaxis"] |= {"tickvals": list(range(len(rows))), "ticktext": rows, "range": [len(rows) - 0.4, -0.5]}
    layout["yaxis"] |= {"gridcolor": GRID}
    return {"data": data, "layout": layout}


def _ends(metric: str, trials: Sequence[Trial], *, maximize: bool) -> tuple[float, float]:
    """Return the metric at both ends of its row: the best result, and one that is worse than most."""
    values = sorted((trial.measured[metric].mean for trial in trials), reverse=maximize)
    return values[0], values[min(math.ceil(_SHOWN * len(values)), len(values) - 1)]


def _lines(
    name: str,
    trials: Sequence[Trial],
    metric: _Metric,
    chosen: Sequence[tuple[str, Parameter]],
    line: dict[str, Any],
    opacity: float,
) -> Figure:
    """Return all lines as one trace, interrupted after each; a parameter that a trial lacks interrupts its line."""
    x, y = list[float | None](), list[int | None]()
    for trial in trials:
        x.append(_share(trial.measured[metric.name].mean, metric))
        x += [_place(parameter, trial, parameter_name) for parameter_name, parameter in chosen]
        x.append(None)
        y += [*range(len(chosen) + 1), None]
    x = [None if each is None else few_digits([round(each, 4)])[0] for each in x]
    more = {"name": name, "hoverinfo": "skip", "opacity": opacity}
    return {"type": "scatter", "x": x, "y": y, "mode": "lines", "line": line, **more}


def _share(value: float, metric: _Metric) -> float:
    """Return the place of a value of the metric on its row; values beyond an end are placed there."""
    # Halves, because the difference of the largest floats is not a float.
    at, first, last = (
        math.log10(each) if metric.logarithmic else each / 2 for each in (value, metric.first, metric.last)
    )
    return min(max((at - first) / (last - first), 0.0), 1.0) if last != first else 0.0


def _place(parameter: Parameter, trial: Trial, name: str) -> float | None:
    """Return the place of a parameter's value on its row, between 0 and 1; None without a value."""
    value = cell(trial, name)
    if value is None:
        return None
    if parameter.bounds is None:
        found = parameter.listed.index(value) if value in parameter.listed else None
        return None if found is None else found / max(len(parameter.listed) - 1, 1)
    low, high = parameter.bounds
    scale = "log" if parameter.is_logarithmic else "logit" if parameter.is_logit else "linear"
    place = place_of(float(value), low, high, scale)
    return min(max(place, 0.0), 1.0)


def _words(metric: _Metric, chosen: Sequence[tuple[str, Parameter]]) -> Iterator[dict[str, Any]]:
    """Yield the values at both ends of each row, or all of a few choices."""
    yield from (_word(0, share, number(value, 3)) for share, value in ((0.0, metric.first), (1.0, metric.last)))
    for row, (_, parameter) in enumerate(chosen, 1):
        if parameter.bounds is not None:
            values = [(0.0, parameter.bounds[0]), (1.0, parameter.bounds[1])]
        else:
            last = len(parameter.listed) - 1
            every = [(i / max(last, 1), value) for i, value in enumerate(parameter.listed)]
            values = every if last < _MOST_CHOICES else [every[0], every[-1]]
        yield from (_word(row, share, shortened(value_text(value), _LONGEST_VALUE)) for share, value in values)


def _word(row: int, share: float, text: str) -> dict[str, Any]:
    word = {"x": share, "y": row, "text": text_of(text), "showarrow": False, "yshift": -11}
    return word | {"font": {"size": 11, "color": INK}}
