"""The score of one objective under constraints: an improvement times the probabilities of all limits, in each draw."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.acquisition.incumbents import best_in_each_draw
from overnight.bo_core.acquisition.joint_draws import Drawn
from overnight.bo_core.acquisition.limited.allowed import Allowed, Ends, lies_within, log_probability_within
from overnight.bo_core.acquisition.limited.truncated import log_improvement_within
from overnight.bo_core.acquisition.score import SCREENING_DRAWS, Scored, Scoring
from overnight.bo_core.acquisition.utility import Evaluated, Utility
from overnight.bo_core.surrogate import Conditional


@dataclass(frozen=True)
class ConstrainedObjective:
    """The utility of one metric against its best feasible value, times the probability that all limits are met.

    Given a draw, the metrics at a candidate are independent, so that the product belongs inside the average over draws
    (Gardner et al. 2014; Letham et al. 2019, section 4.1). `allowed` are the limits by metric, and `baseline` is the
    row of the baseline in the draws, which relative limits need. In a draw without a feasible point, the value to beat
    is the `floor`. If no draw has one, the probability alone is the score.
    """

    metric: str
    utility: Utility
    allowed: Mapping[str, Allowed]
    baseline: int | None
    floor: float
    logarithmic: bool = True
    screening_draws: int = SCREENING_DRAWS

    def share_without_feasible(self, drawn: Drawn) -> float:
        """Return the share of draws in which no point is feasible."""
        return float(self._best(drawn, self._limits(drawn)).isinf().double().mean())

    def against(self, drawn: Drawn) -> Scoring:
        """Return a function that scores candidates against the best feasible value of each draw."""
        limits = self._limits(drawn)
        best = self._best(drawn, limits)
        nothing = best.isinf()
        best = None if bool(nothing.all()) else torch.where(nothing, self._to_beat(best, limits), best)

        def scored(at: Mapping[str, Conditional]) -> Scored:
            parts = {name: self._part(name, here, best, limits) for name, here in at.items()}
            found = {name: part for name, part in parts.items() if part is not None}
            value = sum((part.value for part in found.values()), torch.zeros(()))
            assert isinstance(value, Tensor)
            by_mean = {name: part.by_mean for name, part in found.items()}
            return Scored(value, by_mean, {name: part.by_sd for name, part in found.items()})

        return scored

    def _limits(self, drawn: Drawn) -> dict[str, Ends]:
        return {name: allowed.ends(drawn.values[name], self.baseline) for name, allowed in self.allowed.items()}

    def _best(self, drawn: Drawn, limits: Mapping[str, Ends]) -> Tensor:
        """Return the best feasible value [M, 1, S] of each draw, −∞ without any."""
        return best_in_each_draw(drawn.values[self.metric], feasible_in_each_draw(drawn, limits))

    def _to_beat(self, like: Tensor, limits: Mapping[str, Ends]) -> Tensor:
        """Return the value [M, 1, S] to beat where nothing is feasible; below an upper limit of the objective."""
        floor, (_, high) = torch.full_like(like, self.floor), limits.get(self.metric, (None, None))
        return floor if high is None else torch.minimum(floor, high - 1.0)

    def _part(self, name: str, here: Conditional, best: Tensor | None, limits: Mapping[str, Ends]) -> Evaluated | None:
        """Return the factor of a metric; None if it has none."""
        low, high = limits.get(name, (None, None))
        if name != self.metric or best is None:
            return None if low is None and high is None else log_probability_within(here.mean, here.sd, low, high)
        if low is None and high is None:
            return self.utility.evaluate(here.mean, here.sd, best)
        if isinstance(self.utility, LogExpectedImprovement):
            return log_improvement_within(here.mean, here.sd, best, low, high)
        return log_probability_within(here.mean, here.sd, best if low is None else torch.maximum(best, low), high)


def feasible_in_each_draw(drawn: Drawn, limits: Mapping[str, Ends]) -> Tensor:
    """Return which points [M, r, S] are eligible and meet all limits, given by metric, in each draw."""
    feasible = drawn.eligible
    for name, (low, high) in limits.items():
        feasible = feasible & lies_within(drawn.values[name], low, high)
    return feasible
