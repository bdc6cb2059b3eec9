"""Points that may be chosen with their values, the surface of a search, and the gains of measuring points again."""

from dataclasses import dataclass

from torch import Tensor

from overnight.bo_core.search.surface import Surface
from overnight.campaign import Point


@dataclass(frozen=True)
class Candidate:
    """A point with its value under an acquisition; a repetition names the new point that it was preferred to.

    `gain` is how much the new point is expected to improve on the best; None if the acquisition does not compare,
    or if no point is known to be feasible. `floor` is what had to be beaten in draws without a feasible point, if
    there were such draws and others. A candidate that `checks` repeats a suspect; its value is by how many standard
    deviations that is too good.
    """

    point: Point
    value: float
    acquisition: str
    instead_of: Point | None = None
    gain: float | None = None
    floor: float | None = None
    checks: bool = False


@dataclass(frozen=True)
class Prepared:
    """The surface that is searched for one point of the batch, and the seeds of the search."""

    surface: Surface
    pool_seed: int
    search_seed: int


@dataclass(frozen=True)
class Repetitions:
    """The expected gains of new measurements: `gains` [c] at observed features `X` [c, d], and `of_new` at a new point.

    Gains are weighted as scores are; that of the new point also by the probability that there will be a result.
    """

    X: Tensor
    gains: Tensor
    of_new: float

    def gain_at(self, x: Tensor) -> float | None:
        """Return the expected gain of measuring again at features x [d]; None if that is not considered."""
        found = (x.to(self.X) == self.X).all(1).nonzero()
        return float(self.gains[int(found[0])]) if len(found) else None
