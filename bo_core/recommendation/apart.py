"""Search for the best untried point that differs enough from others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.recommendation.elsewhere import Untried
from overnight.bo_core.search.surface import Surface
from overnight.campaign import Point
from overnight.campaign.solutions import Solutions, difference

# Climbs end a little short of the demand, at most this often; each time they are asked for so much more.
_TRIES = 5
_MORE, _LEAST = 1.2, 1e-4
# The fine for a relaxed point is _STEEPNESS/2 m² for a missing difference of m, in standard deviations of the
# objective. From _BEND on it is a straight line.
_STEEPNESS, _BEND = 4000.0, 0.05
# The fine for a point as it would be tried: more than any mean makes up for.
_REFUSED = 1e6


@dataclass(frozen=True)
class Apart:
    """The demand to differ from `chosen` points; `at` [c, d] are their features."""

    encoding: Encoding
    asked: Solutions
    chosen: Sequence[Point]
    at: Tensor

    @classmethod
    def of(cls, encoding: Encoding, asked: Solutions, chosen: Sequence[Point]) -> "Apart":
        """Encode the chosen points."""
        return cls(encoding, asked, chosen, encoding.encode(chosen))

    def holds(self, point: Point) -> bool:
        """Return whether a point differs enough from all that are chosen."""
        return all(self.asked.differ(self.encoding.space, point, each) for each in self.chosen)

    def missing(self, point: Point) -> float:
        """Return by how much a point differs too little from the most similar one that is chosen."""
        return self.asked.apart - min(difference(self.encoding.space, point, each) for each in self.chosen)

    def over(self, surface: Surface, margin: float) -> Surface:
        """Return the surface less a fine at points that differ too little.

        Values decide between points that can be tried, and the demand is exact there. Climbs pass relaxed points, whose
        fine grows gently and begins `margin` earlier.
        """

        def exact(X: Tensor) -> Tensor:
            points = [self.encoding.decode(x) for x in X]
            differs = torch.tensor([point is not None and self.holds(point) for point in points], dtype=torch.bool)
            return surface.value(X) - torch.where(differs, 0.0, _REFUSED + self._fine(X, margin)[0])

        def climbed(X: Tensor) -> tuple[Tensor, Tensor]:
            value, gradient = surface.value_and_gradient(X)
            fine, by_feature = self._fine(X, margin)
            return value - fine, gradient - by_feature

        return replace(
            surface,
            value=exact,
            value_and_gradient=climbed,
            screen=lambda X: surface.screen(X) - self._fine(X, margin)[0],
        )

    def _fine(self, X: Tensor, margin: float) -> tuple[Tensor, Tensor]:
        """Return the fines [b] at features X [b, d] and their gradients [b, d]."""
        offset = X.unsqueeze(1) - self.at
        difference, feature = offset.abs().max(2)
        missing = (self.asked.apart + margin - difference).clamp(min=0.0)
        bent = missing.clamp(max=_BEND)
        slope = -_STEEPNESS * bent * offset.gather(2, feature.unsqueeze(2)).squeeze(2).sign()
        gradient = torch.zeros_like(X).scatter_add_(1, feature, slope)
        return (_STEEPNESS * bent * (missing - 0.5 * bent)).sum(1), gradient


def best_apart(untried: Untried, apart: Apart, near: Tensor) -> Point | None:
    """Return the point of highest mean that is feasible enough and differs enough; None if none is found.

    Some of the starts lie near points [c, d].
    """
    margin = _LEAST
    for _ in range(_TRIES):
        found = untried.best(near, lambda surface, by=margin: apart.over(surface, by))
        if found is None or apart.holds(found[0]):
            return found and found[0]
        margin += _MORE * apart.missing(found[0]) + _LEAST
    return None
