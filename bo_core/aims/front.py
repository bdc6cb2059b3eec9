"""The aim of several objectives: more hypervolume above a reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from overnight.bo_core.acquisition import Drawn, Score, Utility
from overnight.bo_core.acquisition.front import HypervolumeImprovement, could_be_on_front
from overnight.bo_core.acquisition.limited import Allowed
from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.limits import Limits
from overnight.bo_core.model import Beliefs
from overnight.bo_core.numerics.safe_range import finite
from overnight.bo_core.settings.acquisitions import OF_FRONTS
from overnight.bo_core.surrogate import Belief
from overnight.campaign.goal import Goal
from overnight.campaign.goal.front import on_front

# A large front has many boxes, and its draws hardly differ: so many points in all draws together suffice.
_MOST_POINTS, _FEWEST_DRAWS = 2048, 32
# The largest share of draws without a point better than the reference up to which a gain shows how much is left.
_MOST_WITHOUT = 0.5


@dataclass(frozen=True)
class Front:
    """Several objectives, whose `outcomes` are known, a reference of each in its own unit, and limits, if any."""

    outcomes: Mapping[str, Outcomes]
    worst: Mapping[str, float]
    limits: Limits | None
    floor: None = None
    dear: bool = True
    may_repeat: bool = False

    @classmethod
    def of(cls, goal: Goal, beliefs: Beliefs, limits: Limits | None, among: Tensor | None = None) -> "Front":
        """Return the aim of a goal, with the reference that it gives or infers from the front of means.

        The front is that of measured points, only of those `among` [n] if it is given. Those less likely feasible than
        not do not count if there are others.
        """
        models = {each.metric: beliefs[each.metric] for each in goal.objectives}
        outcomes = {metric: model.observed.outcomes for metric, model in models.items()}
        X = models[goal.objectives[0].metric].data.X
        columns = [
            [each.turned(outcomes[each.metric].mean_in_units(y)) for y in model.posterior.averaged(X)[0].tolist()]
            for each, model in zip(goal.objectives, models.values(), strict=True)
        ]
        every, counts = [*zip(*columns, strict=True)], [True] * len(X) if among is None else among.tolist()
        points = [point for point, kept in zip(every, counts, strict=True) if kept]
        if limits is not None:
            feasible = limits.probabilities({name: model.posterior for name, model in beliefs.items()}, X).every > 0.5
            both = zip(every, counts, feasible.tolist(), strict=True)
            points = [point for point, kept, likely in both if kept and likely] or points
        worst = goal.worst([point for point, kept in zip(points, on_front(points), strict=True) if kept], points)
        return cls(outcomes, goal.named(worst), limits)

    def called(self, acquisition: str) -> str:
        """Return the name of the improvement in hypervolume."""
        del acquisition
        return OF_FRONTS

    def could_be_best(
        self, beliefs: Mapping[str, Belief], X: Tensor, generator: torch.Generator, among: Tensor | None = None
    ) -> Tensor:
        """Return the indices of those points X [n, d] that are on the feasible front in some joint sample."""
        known = {name: belief for name, belief in beliefs.items() if name in self.outcomes or name in self._allowed}
        baseline = X[:0] if self.limits is None else self.limits.baseline
        return could_be_on_front(known, [*self.outcomes], self._allowed, X, baseline, generator, among=among)

    def draws_for(self, asked: int, incumbents: int) -> int:
        """Return fewer for a large front, which has many boxes."""
        return max(min(asked, _MOST_POINTS // max(incumbents, 1)), min(asked, _FEWEST_DRAWS))

    def score(self, utility: Utility, points: Tensor) -> Score:
        """Return the log expected hypervolume improvement, whatever the utility."""
        del utility
        return self.improvement(points)

    def improvement(self, points: Tensor) -> HypervolumeImprovement:
        """Return the logarithm of the expected hypervolume improvement."""
        row = None if self.limits is None else self.limits.row_of_baseline(points)
        return HypervolumeImprovement(self._reference, self._allowed, row)

    def guides(self, points: Tensor) -> Sequence[Score]:
        """Return the mean of each objective of points that are as likely feasible as not; none without limits."""
        if self.limits is None:
            return ()
        return [self.limits.likely_mean(points, metric) for metric in self.outcomes]

    def share_without_feasible(self, drawn: Drawn, points: Tensor) -> float:
        """Return the share of the draws in which no point is feasible."""
        return 0.0 if self.limits is None else self.improvement(points).share_without_feasible(drawn)

    def has_rivals(self, drawn: Drawn, points: Tensor) -> bool:
        """Return whether in most draws some feasible point is better than the reference in every objective."""
        return self.improvement(points).share_without_front(drawn) <= _MOST_WITHOUT

    def in_units(self, gain: float) -> float:
        """Return a hypervolume in the product of the objectives' own units."""
        return finite(gain * prod(each.sd_in_units(1.0) for each in self.outcomes.values()))

    @property
    def _allowed(self) -> Mapping[str, Allowed]:
        return {} if self.limits is None else self.limits.allowed

    @property
    def _reference(self) -> Mapping[str, float]:
        return {metric: each.standardised(self.worst[metric]) for metric, each in self.outcomes.items()}
