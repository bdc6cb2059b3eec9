"""The promise of an aim: the points that have to be beaten, the score of a candidate, and what a gain is worth."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from overnight.bo_core.acquisition import Drawn, Score, Utility
from overnight.bo_core.limits import Limits
from overnight.bo_core.surrogate import Belief


class Aim(Protocol):
    """A campaign's objectives and limits on the scale of the models of one batch: one objective or several.

    The `points` [r, d] that a score needs are those that are drawn, in their order.
    """

    @property
    def limits(self) -> Limits | None:
        """Return the limits; None without constraints on a metric that was measured."""
        ...

    @property
    def floor(self) -> float | None:
        """Return the value to beat in draws without a feasible point; None if nothing has to be beaten there."""
        ...

    @property
    def worst(self) -> Mapping[str, float]:
        """Return the reference of hypervolumes, in each metric's own unit; empty with one objective."""
        ...

    @property
    def may_repeat(self) -> bool:
        """Return whether the gain of measuring a point again can be computed."""
        ...

    @property
    def dear(self) -> bool:
        """Return whether scores are dear to compute even if observations are few."""
        ...

    def called(self, acquisition: str) -> str:
        """Return the name under which the score of a campaign's acquisition is recorded."""
        ...

    def could_be_best(
        self, beliefs: Mapping[str, Belief], X: Tensor, generator: torch.Generator, among: Tensor | None = None
    ) -> Tensor:
        """Return the indices of those observed points X [n, d] that have to be beaten, the likeliest first.

        Only those `among` [n] count, if it is given.
        """
        ...

    def draws_for(self, asked: int, incumbents: int) -> int:
        """Return how many draws to average over, if so many are asked for."""
        ...

    def score(self, utility: Utility, points: Tensor) -> Score:
        """Return the score of a candidate."""
        ...

    def improvement(self, points: Tensor) -> Score:
        """Return the logarithm of how much a candidate is expected to improve on the best."""
        ...

    def guides(self, points: Tensor) -> Sequence[Score]:
        """Return simpler scores; the ends of climbs on these are starts of the search."""
        ...

    def share_without_feasible(self, drawn: Drawn, points: Tensor) -> float:
        """Return the share of the draws in which no point is feasible."""
        ...

    def has_rivals(self, drawn: Drawn, points: Tensor) -> bool:
        """Return whether there is a best point to gain on; without one, a gain says nothing about what is left."""
        ...

    def in_units(self, gain: float) -> float:
        """Return an improvement in the metric's own unit, or in the product of the units of several."""
        ...
