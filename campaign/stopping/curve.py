"""The reports of one trial, with the sign changed so that more is better."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum


@dataclass(frozen=True)
class Curve:
    """One or more steps in ascending order, with a value for each; `ended` means that no more will follow."""

    trial: int
    steps: tuple[int, ...]
    values: tuple[float, ...]
    ended: bool

    def reaches(self, step: int) -> bool:
        """Return whether it has reported at this step or a later one."""
        return self.steps[-1] >= step

    def value_by(self, step: int) -> float | None:
        """Return the latest value up to a step; None before the first."""
        count = bisect_right(self.steps, step)
        return self.values[count - 1] if count else None

    def best_by(self, step: int) -> float | None:
        """Return the best value up to a step; None before the first."""
        return max(self.values[: bisect_right(self.steps, step)], default=None)

    def average_by(self, step: int) -> float | None:
        """Return the running average, the mean of all values up to a step; None before the first."""
        so_far = self.values[: bisect_right(self.steps, step)]
        return _mean(so_far) if so_far else None

    def first_from(self, step: int) -> tuple[int, float] | None:
        """Return the first step at or after this one, with its value; None if the curve has not come so far."""
        place = bisect_left(self.steps, step)
        return (self.steps[place], self.values[place]) if place < len(self.steps) else None


def _mean(values: Sequence[float]) -> float:
    # Each value is divided first, so that a sum of enormous values overflows only if quotients were rounded up.
    try:
        return fsum(value / len(values) for value in values)
    except OverflowError:
        return max(min(2.0 * fsum(0.5 * value / len(values) for value in values), max(values)), min(values))
