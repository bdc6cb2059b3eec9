"""The geometry of pictures of a front: the part of the plane that they show, and the border of the dominated area."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from overnight.campaign import Trial
from overnight.report.pictures.axes import spans_decades
from overnight.report.story.goal.front import Front, Value

_ROOM = 0.06
# The front is shown with what lies within so many of its widths around it.
_AROUND = 1.0


@dataclass(frozen=True)
class Window:
    """The ends of an axis, which are logarithms if it is logarithmic; without ends the axis chooses them itself."""

    ends: tuple[float, float] | None
    log: bool

    @classmethod
    def around(cls, core: Sequence[float], others: Iterable[float], *, log: bool) -> "Window":
        """Return the window of all core values, and of the others that are not far from them."""
        places = [_place(value, log=log) for value in core if not log or value > 0]
        more = [_place(value, log=log) for value in others if not log or value > 0]
        low, high = (min(places), max(places)) if places and max(places) > min(places) else _ends([*places, *more])
        reach = _AROUND * (high - low)
        near = [place for place in more if low - reach <= place <= high + reach]
        low, high = min([low, *near]), max([high, *near])
        room = _ROOM * (high - low) or _ROOM * abs(low) or 1.0
        ends = low - room, high + room
        return cls(ends if math.isfinite(ends[1] - ends[0]) and ends[0] < ends[1] else None, log)

    def shows(self, value: float) -> bool:
        """Return whether a value lies between the ends."""
        if self.log and value <= 0:
            return False
        return self.ends is None or self.ends[0] <= _place(value, log=self.log) <= self.ends[1]

    def share(self, value: float) -> float:
        """Return how far a value lies from one end to the other."""
        low, high = self.ends or (0.0, 0.0)
        return (_place(value, log=self.log) - low) / (high - low) if high > low else 0.5

    def value(self, share: float) -> float:
        """Return the value that lies so far from one end to the other."""
        low, high = self.ends or (0.0, 0.0)
        place = low + share * (high - low)
        return 10.0**place if self.log else place

    @property
    def values(self) -> tuple[float, float] | None:
        """Return the values at both ends."""
        if self.ends is None:
            return None
        return self.value(0.0), self.value(1.0)


def window_of(front: Front, i: int, observed: Sequence[Trial], more: Iterable[float] = ()) -> Window:
    """Return the window of an objective: its values on the front and at the baseline, and others that are not far."""
    metric = front.objectives[i].metric
    core = [end for point in front.points for end in _interval(point.values[i])]
    if front.baseline is not None:
        core.append(front.baseline.values[i].mean)
    near = [*(trial.measured[metric].mean for trial in observed), *more]
    return Window.around(core, near, log=spans_decades(observed, metric))


def border(front: Front) -> list[tuple[float, float]]:
    """Return the corners of the border of the area that two objectives' front dominates, down to the reference."""
    one, two = front.objectives
    # Here more is better.
    turned = sorted((-one.turned(p.values[0].mean), two.turned(p.values[1].mean)) for p in front.points)
    corners = [(-x, y) for x, y in turned[:1]]
    for x, y in turned[1:]:
        corners += [(-x, corners[-1][1]), (-x, y)]
    if corners and front.worst:
        low, left = two.turned(front.worst[two.metric]), one.turned(front.worst[one.metric])
        (right, first), (x, y) = corners[0], corners[-1]
        corners = [(right, min(low, first)), *corners, (min(left, x), y)]
    return [(one.turned(x), two.turned(y)) for x, y in corners]


def _interval(value: Value) -> tuple[float, ...]:
    return (value.mean, value.low, value.high) if value.low is not None and value.high is not None else (value.mean,)


def _place(value: float, *, log: bool) -> float:
    return math.log10(value) if log else value


def _ends(places: Sequence[float]) -> tuple[float, float]:
    return (min(places), max(places)) if places else (0.0, 0.0)
