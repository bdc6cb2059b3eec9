"""The aim of one objective without limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.acquisition import Drawn, OneObjective, Score, Utility, could_be_best
from overnight.bo_core.acquisition.distance import utility_towards
from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.surrogate import Belief


@dataclass(frozen=True)
class Unlimited:
    """One objective, whose `outcomes` are known, and no limits."""

    objective: str
    outcomes: Outcomes
    limits: None = None
    floor: None = None
    dear: bool = False
    may_repeat: bool = True

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
        """Return the indices of those points X [n, d] that are the best in some joint sample."""
        return could_be_best(beliefs[self.objective], X, generator, among=among)

    def draws_for(self, asked: int, incumbents: int) -> int:
        """Return as many as are asked for."""
        del incumbents
        return asked

    def score(self, utility: Utility, points: Tensor) -> Score:
        """Return the utility against the best of each draw."""
        del points
        wanted = self.outcomes.wanted
        return OneObjective(self.objective, utility_towards(None if wanted is None else wanted.at, utility))

    def improvement(self, points: Tensor) -> Score:
        """Return the logarithm of the expected improvement."""
        return self.score(LogExpectedImprovement(), points)

    def guides(self, points: Tensor) -> Sequence[Score]:
        """Return none: the score itself is easy to climb."""
        del points
        return ()

    def share_without_feasible(self, drawn: Drawn, points: Tensor) -> float:
        """Return 0: every point is feasible."""
        del drawn, points
        return 0.0

    def has_rivals(self, drawn: Drawn, points: Tensor) -> bool:
        """Return True: every point is a rival."""
        del drawn, points
        return True

    def in_units(self, gain: float) -> float:
        """Return an improvement in the objective's own unit."""
        return self.outcomes.sd_in_units(gain)
