"""The question to a peer and its answer, the same for every library."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Told:
    """One problem: points on the unit cube, and an objective to minimise.

    X: n × d observed points, y: n values, pending: points under evaluation, failed: points without a value. limited:
    the n values of each limited metric, by its name; a point is feasible if all of them are at most 0. exact: whether
    results have no noise.
    """

    d: int
    X: list[list[float]]
    y: list[float]
    pending: list[list[float]]
    failed: list[list[float]]
    seed: int
    limited: dict[str, list[float]] = field(default_factory=dict)
    exact: bool = False

    def best_measured(self) -> int:
        """Return the index of the best value among feasible points, or the point that exceeds the limits the least."""
        excess = [sum(max(values[i], 0.0) for values in self.limited.values()) for i in range(len(self.y))]
        return min(range(len(self.y)), key=lambda i: (excess[i], self.y[i]))


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

    def recommend(self) -> int:
        """Return the index into X that the library itself would recommend at the end."""
        ...
