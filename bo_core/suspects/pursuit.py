"""Pursue the readings that need noise of their own (relevance pursuit, Ament et al. 2024).

One glitch inflates the noise, behind which another one hides. Therefore readings are doubted one after the other, each
time with a new fit, even while little is gained, and the path is judged as a whole: the best number of doubted readings
is the one with the highest density of all measurements, less a price for each doubted one.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from overnight.bo_core.data.state import Observed
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.search.bfgs import Array
from overnight.bo_core.suspects.believed import Believed, gains

# In nats. A reading must gain more than this by noise of its own.
PRICE = 8.0
# The largest share of readings that may be doubted, and about the most fits on the path.
_LARGEST_SHARE, _MOST_FITS = 0.2, 12
# The largest error, see `_largest`, with which a path begins, and to which it continues.
_BEGIN, _CONTINUE = 4.5, 3.5
_MEDIAN_OF_NORMAL = 0.6745
# A bad reading is usual if this many believed ones are as bad.
_SEVERAL = 3
# The most standard deviations of the campaign's results by which a steep function may surprise its model.
_SURPRISE = 2.5
# The least share of the variance that neighbours explain if they can contradict a reading.
_INFORMED = 0.75


@dataclass(frozen=True)
class Pursuit:
    """The data of one pursuit: `places` are the keys of the points of the readings, the first of the observations."""

    observed: Observed
    proposer: BayesianProposer
    places: Sequence[Hashable]

    def holds(self, doubted: Sequence[int], theta: Array) -> Believed | None:
        """Return the model with earlier hyperparameters [h] and suspects, None if it does not explain all readings."""
        found = Believed.of(self.observed, self.proposer, doubted, theta, fitted=False)
        return None if _largest(found.left_out) > _BEGIN or self._innocent(found) else found

    def best(self, known: Sequence[int] = (), theta: Array | None = None) -> Believed:
        """Return the model with the best choice of doubted readings.

        A second path begins with those `known` to be suspicious, and with earlier hyperparameters [h] if there are any.
        Together, glitches can hide so well that no first one is found.
        """
        first = Believed.of(self.observed, self.proposer)
        path = self._path(first)
        if known:
            path += self._path(Believed.of(self.observed, self.proposer, known[: self._most], theta))
        return self._without_innocents(max(path, key=lambda each: each.value - PRICE * len(each.doubted)), first)

    @property
    def _most(self) -> int:
        return int(_LARGEST_SHARE * len(self.places))

    def _path(self, first: Believed) -> list[Believed]:
        """Return models with more and more doubted readings, as long as something is left to explain."""
        path = [first]
        if _largest(first.left_out) <= _BEGIN:
            return path
        while len(path[-1].doubted) < self._most and _largest(path[-1].left_out) > _CONTINUE:
            worst = self._worst(path[-1], self._most - len(path[-1].doubted))
            if not worst:
                break
            path.append(self._doubting(worst, path[-1]))
        return path

    def _doubting(self, more: Sequence[int], before: Believed) -> Believed:
        return Believed.of(self.observed, self.proposer, sorted((*before.doubted, *more)), before.theta)

    def _without_innocents(self, found: Believed, of_all: Believed) -> Believed:
        """Return the model that believes the readings that gain too little, or that others support.

        If all readings are believed in the end, that is the model `of_all`, which needs no other fit.
        """
        while innocent := self._innocent(found):
            doubted = [i for i in found.doubted if i not in innocent]
            if not doubted:
                return of_all
            found = Believed.of(self.observed, self.proposer, doubted, found.theta)
        return found

    def _innocent(self, found: Believed) -> set[int]:
        """Return the doubted readings that gain too little, that a repetition confirms, or that may well be true."""
        gained = zip(found.doubted, gains(found.off).tolist(), strict=True)
        little = {i for i, gain in gained if gain <= PRICE}
        return little | self._repeated(found) | (self._plausible(found) - self._refuted(found))

    def _plausible(self, found: Believed) -> set[int]:
        """Return the doubted readings that the function may give although its model does not expect them.

        The function may be steeper here than elsewhere, so an error is plausible if it is usual for a point without
        neighbours. A good reading whose neighbours explain little may be the first of a better region. A bad one is
        plausible if several believed ones are as bad: cliffs and penalties are more common than glitches.
        """
        usual = float(found.worth[list(found.rows)].sort().values[:_SEVERAL][-1])
        worth = found.worth[list(found.doubted)]
        innocent = torch.where(found.off > 0.0, found.explained < _INFORMED, worth >= usual)
        plausible = (found.beyond.abs() <= _SURPRISE) | innocent
        return {i for i, true in zip(found.doubted, plausible.tolist(), strict=True) if true}

    def _refuted(self, found: Believed) -> set[int]:
        """Return the doubted readings at whose point another reading is believed."""
        believed = {self.places[i] for i in found.rows if i < len(self.places)}
        return {i for i in found.doubted if self.places[i] in believed}

    def _repeated(self, found: Believed) -> set[int]:
        """Return the readings with which another reading of the same point agrees."""
        of_place: dict[Hashable, list[int]] = {}
        for i, place in enumerate(self.places):
            of_place.setdefault(place, []).append(i)
        pairs = [pair for rows in of_place.values() for pair in combinations(rows, 2)]
        return {i for pair in pairs if found.agree(*pair) for i in pair} & set(found.doubted)

    def _worst(self, found: Believed, room: int) -> list[int]:
        """Return the believed readings to doubt next: all that gain enough alone, and at least a few."""
        few = max(len(self.places) // (5 * _MOST_FITS), 1)
        worst: list[int] = []
        for gain, i in sorted(zip(gains(found.left_out).tolist(), found.rows, strict=True), reverse=True):
            if len(worst) == room or (len(worst) >= few and gain <= PRICE):
                break
            if i < len(self.places):
                worst.append(i)
        return worst


def _largest(left_out: Tensor) -> float:
    """Return the largest error in standard deviations, or in typical errors if these are smaller than expected."""
    size = left_out.abs()
    typical = float(size.median()) / _MEDIAN_OF_NORMAL
    return float(size.max()) / min(max(typical, 1e-9), 1.0)
