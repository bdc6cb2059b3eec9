"""The worth of a point that must be feasible with some confidence: its mean, less a heavy fine if it is not."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from overnight.bo_core.acquisition.joint_draws import Drawn
from overnight.bo_core.acquisition.limited.allowed import Allowed, log_probability_within
from overnight.bo_core.acquisition.score import SCREENING_DRAWS, Scored, Scoring
from overnight.bo_core.acquisition.simple_regret import SimpleRegret
from overnight.bo_core.acquisition.utility import Utility
from overnight.bo_core.surrogate import Conditional

# The fine is STEEPNESS/2 m² for m missing nats of confidence, in standard deviations of the objective. From BEND nats
# on it is a straight line, steeper than any mean makes up for.
_STEEPNESS, _BEND = 4000.0, 0.05
# The climb aims at a little more than the demanded confidence: this share of what is left to 1.
_MARGIN = 0.02
_MEAN = SimpleRegret()


@dataclass(frozen=True)
class ConfidentMean:
    """The mean of one metric, less a fine if the probability that all limits are met is below `level`.

    A fine that begins gently lets a climb follow the limit. Without enough confidence anywhere, the point of the
    highest probability is the best. Standard deviations are multiplied by `widening`, because a model is an
    approximation. `allowed` are the limits by metric, and `baseline` is the row of the baseline in the draws. `utility`
    is the mean, or that of minus the distance from a target.
    """

    metric: str
    allowed: Mapping[str, Allowed]
    baseline: int | None
    level: float
    widening: float
    utility: Utility = _MEAN
    logarithmic: bool = False
    screening_draws: int = SCREENING_DRAWS

    def against(self, drawn: Drawn) -> Scoring:
        """Return a function that scores candidates given each draw."""
        limits = {name: allowed.ends(drawn.values[name], self.baseline) for name, allowed in self.allowed.items()}

        def scored(at: Mapping[str, Conditional]) -> Scored:
            here = at[self.metric]
            mean = self.utility.evaluate(here.mean, here.sd, here.mean)
            parts = {
                name: log_probability_within(at[name].mean, self.widening * at[name].sd, *limits[name])
                for name in self.allowed
            }
            each = sum((part.value for part in parts.values()), torch.zeros_like(here.mean))
            # Confidence is the average over draws and sets, so that one that doubts does not decide alone.
            reached = each.logsumexp((0, 2), keepdim=True) - math.log(each.shape[0] * each.shape[2])
            missing = (math.log(self.level + _MARGIN * (1.0 - self.level)) - reached).clamp(min=0.0)
            bent = missing.clamp(max=_BEND)
            value = mean.value - _STEEPNESS * bent * (missing - 0.5 * bent)
            fined = _STEEPNESS * bent * (each - reached).exp()
            by_mean = {name: fined * part.by_mean for name, part in parts.items()}
            by_sd = {name: fined * self.widening * part.by_sd for name, part in parts.items()}
            zero = torch.zeros_like(here.mean)
            by_mean[self.metric] = by_mean.get(self.metric, zero) + mean.by_mean
            by_sd[self.metric] = by_sd.get(self.metric, zero) + mean.by_sd
            return Scored(value, by_mean, by_sd)

        return scored
