"""The utility of a candidate whose metric should be close to a target."""

from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.acquisition.limited.allowed import log_probability_within
from overnight.bo_core.acquisition.limited.truncated import log_improvement_within
from overnight.bo_core.acquisition.probability_of_improvement import LogProbabilityOfImprovement
from overnight.bo_core.acquisition.utility import Evaluated, Utility
from overnight.bo_core.surrogate.distance import folded_normal

# The least distance to beat: a draw may lie on the target itself, and nothing would be an improvement on it.
_LEAST_DISTANCE = 1e-9
_LEAST_SD = 1e-150


def utility_towards(target: float | None, utility: Utility) -> Utility:
    """Return a utility of minus the distance from a target; the utility itself without one."""
    return utility if target is None else OfDistance(utility, target)


@dataclass(frozen=True)
class OfDistance:
    """A utility of −|f − target| for a metric f that is normal at a candidate; `best` is the largest of these values.

    The objective is a function of what is learnt (Astudillo and Frazier 2019, composite functions). Improvements and
    their probabilities are exact. Other utilities see the mean and the standard deviation of the distance.
    """

    utility: Utility
    target: float

    @property
    def logarithmic(self) -> bool:
        """Return whether the utility is a logarithm."""
        return self.utility.logarithmic

    def evaluate(self, mean: Tensor, sd: Tensor, best: Tensor) -> Evaluated:
        """Return the utility for means [M, b, S] and sds [M, b, 1] of f, against the best of each draw [M, 1, S]."""
        mean = mean - self.target
        if isinstance(self.utility, LogExpectedImprovement):
            return _log_improvement(mean, sd, (-best).clamp(min=_LEAST_DISTANCE))
        if isinstance(self.utility, LogProbabilityOfImprovement):
            reach = (-best).clamp(min=_LEAST_DISTANCE)
            return log_probability_within(mean, sd, -reach, reach)
        return self._of_moments(mean, sd, best)

    def _of_moments(self, mean: Tensor, sd: Tensor, best: Tensor) -> Evaluated:
        found = folded_normal(mean, sd)
        spread = found.variance.sqrt().clamp(min=_LEAST_SD)
        of = self.utility.evaluate(-found.mean, spread, best)
        # The variance of the distance is mean² + sd² less the square of its mean.
        spread_by_mean = (mean - found.mean * found.by_mean) / spread
        spread_by_sd = (sd - found.mean * found.by_sd) / spread
        by_mean = of.by_sd * spread_by_mean - of.by_mean * found.by_mean
        return Evaluated(of.value, by_mean, of.by_sd * spread_by_sd - of.by_mean * found.by_sd)


def _log_improvement(mean: Tensor, sd: Tensor, reach: Tensor) -> Evaluated:
    """Return log E[(reach − |f|)⁺] for f of means [M, b, S], with its derivatives; `reach` [M, 1, S] is above 0.

    It is the sum of two improvements: that of an f below 0 on −reach, and that of an f above 0, mirrored.
    """
    zero = torch.zeros_like(reach)
    below = log_improvement_within(mean, sd, -reach, None, zero)
    above = log_improvement_within(-mean, sd, -reach, None, zero)
    value = torch.logaddexp(below.value, above.value)
    share = torch.sigmoid((below.value - above.value).nan_to_num(0.0))
    by_mean = share * below.by_mean - (1.0 - share) * above.by_mean
    return Evaluated(value, by_mean, share * below.by_sd + (1.0 - share) * above.by_sd)
