"""Decide from repeated points whether an objective is deterministic."""

from collections.abc import Hashable, Iterable

# With fewer repeats, values of a coarse metric may agree by accident.
AGREEING_REPEATS = 3


def always_agree(measured: Iterable[tuple[Hashable, float]]) -> bool:
    """Return whether at least three repeats exist and all of them gave the same value to the last bit."""
    first: dict[Hashable, float] = {}
    repeats = 0
    for point, value in measured:
        repeats += point in first
        if first.setdefault(point, value) != value:
            return False
    return repeats >= AGREEING_REPEATS
