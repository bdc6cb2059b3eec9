"""The aim of one objective under limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.acquisition import Drawn, Score, Utility
from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.limits import Limits
from overnight.bo_core.surrogate import Belief


@dataclass(frozen=True)
class Limited:
    """One objective, whose `outcomes` are known, and limits."""

    limits: Limits
    outcomes: Outcomes
    dear: bool = False
    may_repeat: bool = True

    @property
    def floor(self) -> float:
        """Return the value to beat in draws without a feasible point."""
        return self.limits.floor

    @property
    def worst(self) -> Mapping[str, float]:
        """Return nothing: one objective has no reference."""
        return {}

    def called(self, acquisition: str) -> str:
        """Return the campaign's own name."""
        return acquisition

    def could_be_best(
        self, beliefs: Mapping[str, Belief], X: Tensor, generator: torch.Generator, among: Tensor | None = None
    ) -> Tensor:
        """Return the indices of those points X [n, d] that are the best feasible one in some joint sample."""
        return self.limits.could_be_best(beliefs, X, generator, among)

    def draws_for(self, asked: int, incumbents: int) -> int:
        """Return as many as are asked for."""
        del incumbents
        return asked

    def score(self, utility: Utility, points: Tensor) -> Score:
        """Return the utility against the best feasible point of each draw, times the probability of the limits."""
        return self.limits.score(utility, points)

    def improvement(self, points: Tensor) -> Score:
        """Return the logarithm of the expected improvement on the best feasible point."""
        return self.limits.improvement(LogExpectedImprovement(), points)

    def guides(self, points: Tensor) -> Sequence[Score]:
        """Return the mean of points that are as likely feasible as not.

        A score under constraints is a narrow ridge along active limits, which few climbs from elsewhere find.
        """
        return (self.limits.likely_mean(points),)

    def share_without_feasible(self, drawn: Drawn, points: Tensor) -> float:
        """Return the share of the draws in which no point is feasible."""
        return self.limits.improvement(LogExpectedImprovement(), points).share_without_feasible(drawn)

    def has_rivals(self, drawn: Drawn, points: Tensor) -> bool:
        """Return whether a point is feasible in some draw."""
        return self.share_without_feasible(drawn, points) < 1.0

    def in_units(self, gain: float) -> float:
        """Return an improvement in the objective's own unit."""
        return self.outcomes.sd_in_units(gain)
