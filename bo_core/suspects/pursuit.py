"""Pursue the readings that need noise of their own (relevance pursuit, Ament et al. 2024).

One glitch inflates the noise, behind which another one hides. Therefore readings are doubted one after the other, each
time with a new fit, even while little is gained, and the path is judged as a whole: the best number of doubted readings
is the one with the highest density of all measurements, less a price for each doubted one.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from torch import Tensor

from overnight.bo_core.data.state import Observed
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.suspects.believed import Believed, gains

# In nats. A reading must gain more than this by noise of its own.
PRICE = 8.0
# The largest share of readings that may be doubted, and the most fits on the path.
_LARGEST_SHARE, _MOST_FITS = 0.2, 12
# A reading is looked at from this many deviations on: the model's own, or if smaller, those of the typical error.
_NEAR = 3.5
_MEDIAN_OF_NORMAL = 0.6745


@dataclass(frozen=True)
class Pursuit:
    """The data of one pursuit: `places` are the keys of the points of the readings, the first of the observations."""

    observed: Observed
    proposer: BayesianProposer
    places: Sequence[Hashable]

    def best(self) -> Believed:
        """Return the model with the best choice of doubted readings."""
        path = [self._believed()]
        most = int(_LARGEST_SHARE * len(self.places))
        while len(path[-1].doubted) < most and _largest(path[-1].left_out) > _NEAR:
            step = min(max(most // _MOST_FITS, 1), most - len(path[-1].doubted))
            more = self._worst(path[-1], step)
            if not more:
                break
            path.append(self._believed((*path[-1].doubted, *more), path[-1]))
        best = max(path, key=lambda each: each.value - PRICE * len(each.doubted))
        return self._without_innocents(best)

    def _without_innocents(self, found: Believed) -> Believed:
        """Return the model that believes again the readings that were doubted only because others hid."""
        while len(guilty := [i for i, gain in _pairs(found.doubted, gains(found.off)) if gain > PRICE]) < len(
            found.doubted
        ):
            found = self._believed(guilty, found)
        return found

    def _believed(self, doubted: Sequence[int] = (), before: Believed | None = None) -> Believed:
        warm = None if before is None else before.theta
        return Believed.fitted(self.observed, self.proposer, sorted(doubted), warm)

    def _worst(self, found: Believed, count: int) -> list[int]:
        """Return the believed readings that gain most by being doubted.

        Of several readings of one point, one is always believed.
        """
        measured = Counter(self.places)
        believed = Counter(self.places[i] for i in found.rows if i < len(self.places))
        worst: list[int] = []
        for i, _ in sorted(_pairs(found.rows, gains(found.left_out)), key=_second, reverse=True):
            if i >= len(self.places) or len(worst) == count:
                continue
            place = self.places[i]
            if measured[place] == 1 or believed[place] > 1:
                believed[place] -= 1
                worst.append(i)
        return worst


def _pairs(rows: Sequence[int], values: Tensor) -> list[tuple[int, float]]:
    return list(zip(rows, values.tolist(), strict=True))


def _second(pair: tuple[int, float]) -> float:
    return pair[1]


def _largest(left_out: Tensor) -> float:
    """Return the largest error, in the typical error if that is smaller than expected."""
    size = left_out.abs()
    typical = float(size.median()) / _MEDIAN_OF_NORMAL
    return float(size.max()) / min(max(typical, 1e-9), 1.0)
