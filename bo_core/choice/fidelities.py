"""Choose the next measurement, a point and its fidelity: the one that is expected to gain most for its cost.

A point is chosen as if it were measured at full fidelity. It competes with the points that may be the best, at each
fidelity at which they were not measured. The gain is how much the highest posterior mean at full fidelity is expected
to rise: the knowledge gradient over a finite set (Wu et al. 2019; Poloczek, Wang and Frazier 2017). It is divided by
the root of the cost: n cheap measurements together gain about √n times as much as one of them, so this compares the
gains of equal costs (docs/decisions/0046-fidelities.md).
"""

import math
import sys
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from overnight.bo_core.acquisition.replication import after_pending, gains_of_slopes
from overnight.bo_core.choice.asked import Asked
from overnight.bo_core.choice.candidate import Candidate
from overnight.bo_core.choice.sequence import first_in_full
from overnight.bo_core.data.encoding import Encoding, PointKey, key_of
from overnight.bo_core.data.runs import OWN, Runs
from overnight.bo_core.settings.acquisitions import GAIN_PER_COST
from overnight.bo_core.surrogate.errors.lower import Lower
from overnight.campaign import Point
from overnight.campaign.fidelity import Fidelity
from overnight.campaign.standing.confirming import confirming
from overnight.campaign.standing.fidelity_costs import FidelityCosts, left_for_search

# The least share at full fidelity of the cost after the first results in full: low fidelities may mislead, and the
# model with them.
_LEAST_IN_FULL = 1.0 / 3.0
# The most points that may be the best whose fidelities are considered.
MOST_INCUMBENTS = 12


@dataclass(frozen=True)
class Fidelities:
    """The fidelities of a campaign with their costs, the points that are `coming`, and the cost that may be spent.

    `first` is the number of evaluations in full that the first phase has. `runs` are those of earlier trials, if they
    may have several outcomes, and `coming_runs` the numbers of those of the points that are coming.
    """

    costs: FidelityCosts
    encoding: Encoding
    coming: tuple[Point, ...]
    room: float
    first: int
    runs: Runs | None = None
    coming_runs: tuple[int, ...] = ()

    @classmethod
    def of(cls, asked: Asked) -> "Fidelities | None":
        """Return the fidelities between which a request can choose; None if there are none, or if it confirms."""
        fidelity = asked.campaign.fidelity
        if fidelity is None or asked.confirming:
            return None
        coming = (*(trial.point for trial in asked.view.pending), *asked.chosen)
        costs, left = FidelityCosts.of(fidelity, asked.history), confirming(asked.campaign, asked.history).left
        room = left_for_search(asked.campaign, asked.history, costs, left)
        found = cls(costs, asked.encoding, coming, room, first_in_full(asked.campaign, costs))
        runs = Runs.of(asked.campaign, asked.view)
        if runs is None:
            return found
        under_way = [runs.of_trial(trial) for trial in asked.view.pending]
        return replace(found, runs=runs, coming_runs=(*under_way, *map(runs.of_next, asked.chosen)))

    @property
    def fidelity(self) -> Fidelity:
        """Return the fidelity."""
        return self.costs.fidelity

    @property
    def _owes_a_full_one(self) -> bool:
        """Return whether less than a third of the cost went to full fidelity.

        The evaluations in full of the first phase do not count, because no model chose their points. If evaluations
        resume, those of one point are a single one, which counts at the highest fidelity that it reached.
        """
        reached = self._reached.values() if self.fidelity.parameter.resume else map(self.fidelity.of, self._measured)
        levels = list(reached)
        lower = [level for level in levels if level < self.fidelity.parameter.high]
        of_lower = sum(map(self.costs.from_nothing, lower))
        of_full = max(len(levels) - len(lower) - self.first, 0) * self.costs.full
        return of_full < _LEAST_IN_FULL * (of_full + of_lower)

    @property
    def _measured(self) -> tuple[Point, ...]:
        return (*self.costs.ended, *self.coming)

    @cached_property
    def _reached(self) -> Mapping[Hashable, float]:
        """Return the highest fidelity at which each point was or will be measured, by its key without fidelity."""
        found = dict[Hashable, float]()
        for point in self._measured:
            key = self.fidelity.without(point)
            found[key] = max(found.get(key, -math.inf), self.fidelity.of(point))
        return found

    @property
    def pays_for_more(self) -> bool:
        """Return whether the room pays for one more evaluation."""
        return self.room >= self.costs.cheapest

    def and_chosen(self, point: Point) -> "Fidelities":
        """Return a copy with a point chosen as well."""
        return replace(
            self,
            coming=(*self.coming, point),
            room=self.room - self.costs.at(point),
            coming_runs=(*self.coming_runs, self.run_of(point)),
        )

    def run_of(self, point: Point) -> int:
        """Return the run that a measurement of a point would continue."""
        return OWN if self.runs is None else self.runs.of_next(point)

    def options(
        self, lower: Lower, points: Sequence[Point], taken: Collection[PointKey], noise: Tensor, weights: Tensor
    ) -> Iterator[Candidate]:
        """Yield the possible measurements at points [c], each with its expected gain divided by the root of its cost.

        `noise` [M] is the variance of a measurement, `weights` [c] the probability that a point gives a result and is
        feasible.
        """
        possible = [
            (i, at, max(self.costs.at(at), sys.float_info.min))
            for i, point in enumerate(points)
            for level in self._levels_of(point)
            if key_of(at := self.fidelity.at(point, level)) not in taken
        ]
        if not possible:
            return
        least = min(cost for _, _, cost in possible)
        affordable = [each for each in possible if each[2] <= max(self.room, least)]
        if self._owes_a_full_one:
            affordable = [each for each in affordable if self.fidelity.is_full(each[1])] or affordable
        gains = self._gains(lower, points, [at for _, at, _ in affordable], noise)
        for (i, at, cost), gain in zip(affordable, gains.tolist(), strict=True):
            yield Candidate(at, gain * float(weights[i]) / math.sqrt(cost), GAIN_PER_COST)

    def _levels_of(self, point: Point) -> Sequence[float]:
        """Return the fidelities at which a point may be measured: if evaluations resume, those not yet reached."""
        levels = self.fidelity.parameter.levels
        if not self.fidelity.parameter.resume:
            return levels
        reached = self._reached.get(self.fidelity.without(point), -math.inf)
        return [level for level in levels if level > reached]

    def _gains(self, lower: Lower, points: Sequence[Point], measured: Sequence[Point], noise: Tensor) -> Tensor:
        """Return how much each measurement [c] is expected to raise the highest mean of the points and those coming."""
        best = [*points, *(self.fidelity.at(point) for point in self.coming)]
        everything = [*best, *measured, *self.coming]
        missing = [0.0] * len(best) + [self.fidelity.missing(point) for point in (*measured, *self.coming)]
        X = self.encoding.encode(everything).to(lower.posterior.like)
        runs = None if self.runs is None else [OWN] * len(best) + [*map(self.run_of, measured), *self.coming_runs]
        mean, covariance = lower.joint(X, torch.tensor(missing).to(X), None if runs is None else torch.tensor(runs))
        b, c = len(best), len(measured)
        covariance = after_pending(covariance, noise, b + c)
        among = slice(b, b + c)
        variance = covariance.diagonal(dim1=1, dim2=2)[:, among]
        return gains_of_slopes(mean[:, :b], covariance[:, :b, among], variance, noise.unsqueeze(1).expand(-1, c))
