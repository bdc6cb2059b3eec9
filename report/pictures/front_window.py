"""The part of the plane of two objectives that a picture of the front shows."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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

    @property
    def values(self) -> tuple[float, float] | None:
        """Return the values at both ends."""
        if self.ends is None:
            return None
        return (10.0 ** self.ends[0], 10.0 ** self.ends[1]) if self.log else self.ends


def _place(value: float, *, log: bool) -> float:
    return math.log10(value) if log else value


def _ends(places: Sequence[float]) -> tuple[float, float]:
    return (min(places), max(places)) if places else (0.0, 0.0)
