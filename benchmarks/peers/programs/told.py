"""The question to a peer and its answer, the same for every library."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Told:
    """One problem: points on the unit cube, and objectives to minimise.

    X: n × d observed points, y: the n values of the first objective, pending: points under evaluation, failed: points
    without a value. further: the n values of each other objective; worst: the worst value of use of every objective, if
    there are several. limited: the n values of each limited metric, by its name; a point is feasible if all of them are
    at most 0. exact: whether results have no noise.
    """

    d: int
    X: list[list[float]]
    y: list[float]
    pending: list[list[float]]
    failed: list[list[float]]
    seed: int
    further: list[list[float]] = field(default_factory=list)
    worst: list[float] = field(default_factory=list)
    limited: dict[str, list[float]] = field(default_factory=dict)
    exact: bool = False

    @property
    def objectives(self) -> list[list[float]]:
        """Return the n values of each objective."""
        return [self.y, *self.further]

    def best_measured(self) -> list[int]:
        """Return the indices of the measured front, by measured limits: the first of the best for a single objective.

        If no point is feasible, the front is that of the points that exceed the limits the least.
        """
        excess = [sum(max(values[i], 0.0) for values in self.limited.values()) for i in range(len(self.y))]
        least = [i for i in range(len(self.y)) if excess[i] == min(excess)]
        return front(least, [[values[i] for values in self.objectives] for i in range(len(self.y))])


def front(indices: list[int], results: list[list[float]]) -> list[int]:
    """Return those of the indices whose results no other beats; of equal results, the first counts."""

    def beats(i: int, j: int) -> bool:
        no_worse = all(a <= b for a, b in zip(results[i], results[j], strict=True))
        return no_worse and (results[i] != results[j] or i < j)

    return [j for j in indices if not any(beats(i, j) for i in indices)]


@dataclass(frozen=True)
class Fit:
    """Hyperparameters on the scale on which y has mean 0 and standard deviation 1 (ddof=1) and is minimised."""

    lengthscales: list[float]
    noise: float
    mean: float


class Session(Protocol):
    """A library's own state, rebuilt from the problem; only its methods are timed."""

    def ask(self, q: int) -> tuple[list[list[float]], Fit | None]:
        """Choose q points: fit, optimise the acquisition and decode."""
        ...

    def recommend(self) -> list[int]:
        """Return the indices into X of the points that the library itself would recommend at the end.

        That is one point for a single objective.
        """
        ...
