"""The question to a peer and its answer, the same for every library."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Told:
    """One problem: points on the unit cube, and an objective to minimise.

    X: n × d observed points, y: n values, pending: points under evaluation, failed: points without a value.
    """

    d: int
    X: list[list[float]]
    y: list[float]
    pending: list[list[float]]
    failed: list[list[float]]
    seed: int


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
