"""What a campaign found: its measurements with their costs, and the recommended point."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from benchmarks.fidelities.task import Point, Task, high_of


@dataclass(frozen=True)
class Measured:
    """A result: the loss of a point at a level, and what it cost."""

    point: Point
    level: int
    loss: float
    cost: float


@dataclass(frozen=True)
class Found:
    """The results of a campaign in the order of their ends, and the point that it recommends."""

    measured: Sequence[Measured]
    recommended: Point | None

    @property
    def spent(self) -> list[float]:
        """Return what had been spent when each result was there."""
        return list(accumulate(each.cost for each in self.measured))

    def regret(self, task: Task) -> float:
        """Return the loss of the recommended point at full fidelity, less the minimum; infinite without a point."""
        return float("inf") if self.recommended is None else task.loss(self.recommended, high_of(task)) - task.minimum


def best_in_full(task: Task, measured: Sequence[Measured]) -> Point | None:
    """Return the point with the lowest loss measured at full fidelity; None without one."""
    full = [each for each in measured if each.level == high_of(task)]
    return min(full, key=lambda each: each.loss).point if full else None
