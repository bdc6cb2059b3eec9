"""Decide from repeated points whether an objective is deterministic."""

from collections.abc import Hashable, Iterable

# With fewer, values of a coarse metric may agree by accident.
AGREEING_REPEATS = 3


def always_agree(measured: Iterable[tuple[Hashable, float]]) -> bool:
    """Tell whether repeats of points gave the same value every time, to the last bit, and there were three at least."""
    first: dict[Hashable, float] = {}
    repeats = 0
    for point, value in measured:
        repeats += point in first
        if first.setdefault(point, value) != value:
            return False
    return repeats >= AGREEING_REPEATS
