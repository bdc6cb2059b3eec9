"""The axes of all charts: logarithmic only for real decades, with a few round ticks."""

import json
import math
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from overnight.campaign import Measurement, Trial
from overnight.campaign.parameters import Parameter, Value
from overnight.campaign.space import Point
from overnight.campaign.values.harmless import harmless
from overnight.campaign.values.number_line import log_odds
from overnight.report.numbers import value_text

_MOST_TICKS, _FEWEST_TICKS = 6, 3
_LONGEST_CHOICE, _LONGEST_NAME = 14, 28
# Numbers as the text has them: 13,000 and not 1.3 × 10⁴.
_AS_IN_TEXT = {"separatethousands": True, "exponentformat": "power", "minexponent": 5}
_LONG = 100_000
# Beyond this ratio of the largest to a small value, a linear axis shows the largest only.
_WIDE = 1000.0
# A tenth of the values, and at least three, are smaller than a small value. A single value near zero is an accident.
_SMALL, _FEWEST_SMALL = 0.1, 3
# A value of fewer standard errors cannot be distinguished from zero.
_FROM_ZERO = 3.0
# This share of the values decides how far a picture reaches.
_MOST_OF_THEM = 0.9


def spans_decades(observed: Sequence[Trial], metric: str) -> bool:
    """Return whether the values of a metric need a logarithmic axis.

    They do if all are positive by more than their errors, and span decades that noise cannot make. Noise is the
    standard error, or the difference of measurements at the same point if that is larger. Differences from an optimum
    that are close to zero by chance are no decades.
    """
    found = [(trial.point, trial.measured[metric]) for trial in observed]
    values = sorted(measurement.mean for _, measurement in found)
    if len(values) < _FEWEST_SMALL or any(m.mean <= (m.sem or 0.0) for _, m in found):
        return False
    small = values[max(int(_SMALL * len(values)), _FEWEST_SMALL - 1)]
    return values[-1] / small > _WIDE and small > _FROM_ZERO * _noise(found, small)


def without_worst(values: Sequence[float], *, maximize: bool) -> list[float]:
    """Return the values without the worst tenth, which must not stretch a picture of the others."""
    ranked = sorted(values, reverse=maximize)
    return ranked[: max(math.ceil(_MOST_OF_THEM * len(ranked)), 1)]


def text_of(text: str) -> str:
    """Return text for plotly, which reads a few HTML tags in every text."""
    return escape(harmless(text), quote=False)


def shortened(text: str, most: int) -> str:
    """Return the beginning of a text that is longer than the room for it, with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def middle_cut(text: str, most: int) -> str:
    """Return both ends of a text that is longer than the room for it: names often differ only in their ends."""
    if len(text) <= most:
        return text
    return f"{text[: most - most // 2 - 1]}…{text[-(most // 2) :]}"


def place(parameter: Parameter, value: Value) -> Value:
    """Return the position of a value on its parameter's axis."""
    if parameter.is_logit:
        return log_odds(float(value))
    return _choice(value) if parameter.listed else value


def parameter_axis(parameter: Parameter) -> dict[str, Any]:
    """Return the axis of a parameter: its scale with a few round ticks, or its choices in their order."""
    if parameter.bounds is None:
        choices = [_choice(c) for c in parameter.listed]
        # A choice that was never tried keeps its place: half a step of room at both ends.
        axis = {"type": "category", "categoryarray": choices, "range": [-0.5, len(choices) - 0.5]}
        return axis | {"tickvals": choices, "ticktext": [_short(c) for c in choices]}
    low, high = parameter.bounds
    # A few values are the ticks.
    few = None if parameter.grid is None or len(parameter.grid) > _MOST_TICKS else list(parameter.grid)
    if parameter.is_logarithmic:
        bounds = with_room(math.log10(low), math.log10(high))
        axis = {"type": "log", "range": bounds} | _ticks(few or _round_numbers(low, high))
        return axis | {"title": small("logarithmic")}
    if parameter.is_logit:
        ticks, ends = few or _round_shares(low, high), map(log_odds, (low, high))
        axis = {"type": "linear", "range": with_room(*ends)} | _ticks(ticks)
        return axis | {"tickvals": [log_odds(tick) for tick in ticks], "title": small("logit")}
    if few:
        ticks = _ticks(few)
    else:
        whole = isinstance(low, int)
        ticks = whole_numbers(int(low), int(high)) if whole else {"nticks": _MOST_TICKS}
    return {"type": "linear", "range": with_room(low, high), **ticks}


def parameter_title(name: str, parameter: Parameter) -> dict[str, Any]:
    """Return the title of a parameter's axis: its name, its unit, and its scale unless that is linear."""
    words = [text_of(middle_cut(name, _LONGEST_NAME) + (f" [{parameter.unit}]" if parameter.unit else ""))]
    words += ["logarithmic"] if parameter.is_logarithmic else ["logit"] if parameter.is_logit else []
    return small(", ".join(words))


def _ticks(values: Sequence[float]) -> dict[str, Any]:
    """Return ticks at these values."""
    return {"tickvals": list(values), "ticktext": [value_text(value) for value in values]}


def objective_axis(*, logarithmic: bool, ends: tuple[float, float] | None = None, name: str = "") -> dict[str, Any]:
    """Return the axis of measured values, with its name and the word `logarithmic` if it is.

    A logarithmic one has round ticks between its `ends`, if these are known.
    """
    words = ", ".join(word for word in (text_of(name), "logarithmic" if logarithmic else "") if word)
    axis = {"type": "log" if logarithmic else "linear", "nticks": _MOST_TICKS, **_AS_IN_TEXT}
    axis |= _ticks(_round_numbers(*ends)) if logarithmic and ends is not None else {}
    return axis | ({"title": small(words)} if words else {})


def small(words: str) -> dict[str, Any]:
    """Return the title of an axis."""
    return {"text": words, "font": {"size": 12}, "standoff": 6}


def whole_numbers(low: int, high: int) -> dict[str, Any]:
    """Return ticks at whole numbers only."""
    if high - low < _MOST_TICKS:
        return {"tickformat": "d", "dtick": 1}
    # Plotly would turn long numbers on their side.
    form = {"tickformat": "d"} if max(abs(low), abs(high)) < _LONG else {"exponentformat": "power"}
    return {"nticks": _MOST_TICKS, **form}


def _noise(found: Iterable[tuple[Point, Measurement]], small: float) -> float:
    """Return the standard error of the values that are small."""
    told, alike = list[float](), defaultdict[str, list[float]](list)
    for point, measurement in found:
        if measurement.mean <= small:
            told.append(measurement.sem or 0.0)
            alike[json.dumps(point, sort_keys=True)].append(measurement.mean)
    apart = [max(values) - min(values) for values in alike.values() if len(values) > 1]
    return max(sorted(told)[len(told) // 2], *apart, 0.0)


def _choice(value: Value) -> str:
    """Return a choice as it is written in YAML, with all digits."""
    return text_of(value if isinstance(value, str) else json.dumps(value))


def with_room(low: float, high: float, share: float = 0.05) -> list[float]:
    """Return a range with room at both ends, a share of its length, or an axis of length 1 around a single value."""
    room = share * high - share * low or 0.5
    return [max(low - room, -sys.float_info.max), min(high + room, sys.float_info.max)]


def _round_shares(low: float, high: float) -> list[float]:
    """Return a few numbers between 0 and 1 that lie evenly by their odds: one half and powers of ten from both ends."""
    most = math.ceil(max(-math.log10(low), -math.log10(1.0 - high), 1.0))
    # Next to 1, floats hold no more decimal places than these.
    for factors in ((1,), (1, 2), (1, 2, 3, 4)):
        small_ones = [round(f * 10.0**-power, power) for power in range(min(most, 15), 0, -1) for f in factors]
        shares = [*small_ones, 0.5, *(round(1.0 - share, 15) for share in reversed(small_ones))]
        ticks = sorted({share for share in shares if low <= share <= high})
        if len(ticks) >= _FEWEST_TICKS:
            return _thinned(ticks)
    # No round number lies between the bounds.
    return [low, high]


def _thinned(ticks: list[float]) -> list[float]:
    """Return at most a few of the ticks, evenly around the middle one."""
    # An axis from 0.001 to 0.999 has seven.
    every = -(-len(ticks) // (_MOST_TICKS + 1)) or 1
    return ticks[len(ticks) // 2 % every :: every]


def _short(choice: str) -> str:
    """Return a choice short enough for its chart; an entity that would be cut is left out."""
    if len(choice) <= _LONGEST_CHOICE:
        return choice
    return re.sub(r"&[a-z]*$", "", choice[: _LONGEST_CHOICE - 1]) + "…"


def _round_numbers(low: float, high: float) -> list[float]:
    """Return powers of ten between two bounds: with their 2- and 5-fold if they are few, thinned if they are many.

    If no such number lies between the bounds, they are returned.
    """
    # A power beyond the floats is beyond the bounds.
    first, last = math.floor(math.log10(low)), min(math.ceil(math.log10(high)), sys.float_info.max_10_exp)
    factors = (1.0,) if last - first > 2 else (1.0, 2.0, 5.0)
    ticks = [f * 10.0**power for power in range(first, last + 1) for f in factors if low <= f * 10.0**power <= high]
    return ticks[:: -(-len(ticks) // _MOST_TICKS) or 1] or [low, high]
