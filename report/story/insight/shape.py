"""The shape of a slice: the best values along a parameter, if an effect is certain at all."""

from collections.abc import Sequence
from typing import Literal

from overnight.campaign.insight import Slice
from overnight.campaign.parameters import Parameter, Value
from overnight.report.story.section import Section

# A less certain effect is not stated.
_CERTAIN = 0.975
# Differences of less than this share of the whole change along a slice do not count.
_SLIGHT = 0.1
# An end of an axis is this share of its length.
_END = 0.1
# Two choices have no order that matters.
_A_PAIR = 2

Kind = Literal["unclear", "best at", "best near", "worst near", "better up", "better down"]


class Shape(Section):
    """The shape of a slice.

    `best at` names the best choice of a list, and `best near` a value between the ends. `better up` is
    better the larger the parameter is, up to the value `at` if that is not None, and `better down` the smaller it is,
    down to that value. `worst near` is about as good at both ends. `unclear` means that no effect is certain.
    """

    kind: Kind
    at: Value | None = None


def shape_of(found: Slice, parameter: Parameter, *, maximize: bool) -> Shape:
    """Return the shape of a slice along a parameter."""
    known = [(i, mean if maximize else -mean) for i, mean in enumerate(found.mean) if mean is not None]
    worth = [value for _, value in known]
    if found.certain < _CERTAIN or max(worth) <= min(worth):
        return Shape(kind="unclear")
    at = [found.values[i] for i, _ in known]
    best = max(range(len(worth)), key=worth.__getitem__)
    # The name of a choice is clearer than a direction.
    named = any(isinstance(value, str) for value in parameter.listed)
    if named or parameter.geometry == "corners" or len(parameter.listed) == _A_PAIR:
        return Shape(kind="best at", at=at[best])
    slight = _SLIGHT * (max(worth) - min(worth))
    good = [value >= max(worth) - slight for value in worth]
    if good[0] and good[-1]:
        return Shape(kind="worst near", at=at[min(range(len(worth)), key=worth.__getitem__)])
    if good[-1]:
        return Shape(kind="better up", at=_first_of_plateau(at, good))
    if good[0]:
        return Shape(kind="better down", at=_first_of_plateau(at[::-1], good[::-1]))
    return Shape(kind="best near", at=at[best])


def _first_of_plateau(at: Sequence[Value], good: Sequence[bool]) -> Value | None:
    """Return the value from which on all are about as good as the last; None if those are only the last few."""
    first = len(good) - next((i for i, each in enumerate(reversed(good)) if not each), len(good))
    return at[first] if first < (1.0 - _END) * (len(at) - 1) else None
