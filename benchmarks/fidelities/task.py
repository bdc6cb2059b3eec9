"""A task: parameters to tune, a loss at each fidelity, and what an evaluation costs."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Point = Mapping[str, Any]


class Task(Protocol):
    """A loss to minimise at the highest level of a fidelity.

    The loss of a point at a level is a fixed number. Costs are in units of a full evaluation.
    """

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the parameters as a campaign's file has them."""
        ...

    @property
    def fidelity(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the fidelity as a campaign's file has it."""
        ...

    @property
    def steps(self) -> Sequence[int]:
        """Return the levels at which an evaluation on its way to a higher one can report."""
        ...

    @property
    def minimum(self) -> float:
        """Return the lowest loss at the highest level, or 0 if it is unknown."""
        ...

    def loss(self, point: Point, level: int) -> float:
        """Return the loss of a point at a level."""
        ...

    def cost(self, level: int, since: int = 0) -> float:
        """Return the cost of an evaluation at a level, which may continue from a lower one."""
        ...


def name_of(task: Task) -> str:
    """Return the name of a task's fidelity."""
    return next(iter(task.fidelity))


def high_of(task: Task) -> int:
    """Return the level that counts."""
    return int(task.fidelity[name_of(task)]["high"])
