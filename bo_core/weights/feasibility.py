"""Predict the probability that a point gives a result, from points that did and points that failed.

Whether a point fails is a hidden constraint: it is known only after trying, and only as yes or no. Weighting an
improvement by the probability of a result follows Gelbart, Snoek and Adams 2014 and Gardner et al. 2014 for constraints
that are measured, and Lindberg and Lee 2015 and Bachoc, Helbert and Picheny 2020 for such labels.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.bo_core.numerics.tensor_of import tensor_of
from overnight.bo_core.surrogate import Hyperparameters, Posterior, Prior, TrainingData, fit
from overnight.bo_core.surrogate.fit import LEAST_JITTER
from overnight.bo_core.surrogate.hyperparameters import Record

_ROOT_HALF = math.sqrt(0.5)
_ROOT_HALF_PI = math.sqrt(math.pi / 2.0)
# The most points that length scales and noise are learnt from, and the fewest failures among them.
_MOST_FITTED, _LEAST_FAILURES = 128, 16
_COLD_STARTS = 1


@dataclass(frozen=True)
class Feasibility:
    """P(x gives a result) = Φ(μ(x) / √(s²(x) + σ²)), the posterior of labels +1 and −1 being `posterior`.

    This is least-squares classification with a probit link (Rasmussen and Williams 2006, section 6.5): a regression of
    the labels with the objective's kernel and priors, which costs one factorisation and no inner iterations. The
    constant mean is the generalised least-squares mean of the labels: the success rate, in which points that lie
    together count less. Far from all points, the prior variance of 1 draws the probability towards ½. Failures without
    a pattern are explained as noise σ², and then the probability is the success rate.
    """

    posterior: Posterior

    @classmethod
    def fitted(cls, worked: Tensor, failed: Tensor, groups: FeatureGroups | None = None) -> "Feasibility | None":
        """Learn from features of points that gave a result [n, d] and that failed [f, d]; None if none failed.

        `groups` are as for `TrainingData`. A pure function of its arguments: the fit's starts come from a generator of
        its own.
        """
        if not len(failed):
            return None
        data = _labelled(worked, failed, groups)
        share = round(_MOST_FITTED * len(failed) / (len(worked) + len(failed)))
        kept = min(len(failed), max(share, _LEAST_FAILURES))
        part = _labelled(_evenly(worked, max(_MOST_FITTED - kept, 0)), _evenly(failed, kept), groups)
        generator = torch.Generator().manual_seed(0)
        found = fit(part, "matern52", Prior(data.groups.count), generator, cold=_COLD_STARTS)
        return cls._of(data, tensor_of(found.theta[None]))

    @classmethod
    def recalled(cls, worked: Tensor, failed: Tensor, theta: Tensor, groups: FeatureGroups) -> "Feasibility":
        """Return the model fitted to these points, from its recorded θ [1, h]."""
        return cls._of(_labelled(worked, failed, groups), theta)

    @classmethod
    def _of(cls, data: TrainingData, theta: Tensor) -> "Feasibility":
        return cls(Posterior.of(data, Hyperparameters(theta, data.groups.count, "matern52", LEAST_JITTER)))

    def log_probability(self, X: Tensor) -> Tensor:
        """Return log P [b] at features X [b, d]."""
        mean, sd = self.posterior.marginal(X)
        variance = sd.square().add_(self.posterior.hyperparameters.noise_variance[:, None])
        return torch.special.log_ndtr(mean / variance.sqrt())[0]

    def log_probability_and_gradient(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return log P [b] and its gradient [b, d] at features X [b, d].

        With v = μ/r and r² = s² + σ², the gradient is φ/Φ(v) (∇μ/r − v ∇s²/2r²); φ/Φ = 1/(√(π/2) erfcx(−v/√2)) neither
        cancels nor underflows.
        """
        mean, variance, by_mean, by_variance = self.posterior.marginal_with_gradients(X)
        total = variance + self.posterior.hyperparameters.noise_variance[:, None]
        root = total.sqrt()
        v = mean / root
        ratio = torch.special.erfcx(v * -_ROOT_HALF).mul_(_ROOT_HALF_PI).reciprocal_()
        along = by_mean / root.unsqueeze(2) - by_variance * (0.5 * v / total).unsqueeze(2)
        return torch.special.log_ndtr(v)[0], (ratio.unsqueeze(2) * along)[0]

    def as_record(self) -> Record:
        """Return the bit-exact numbers from which it can be restored without a fit."""
        return self.posterior.hyperparameters.as_record()


def _labelled(worked: Tensor, failed: Tensor, groups: FeatureGroups | None) -> TrainingData:
    """Return the points as observations of +1 and −1 of unknown noise."""
    y = torch.cat([torch.ones(len(worked)), -torch.ones(len(failed))]).double()
    return TrainingData.of(torch.cat([worked, failed]), y, torch.full_like(y, torch.nan), groups)


def _evenly(X: Tensor, count: int) -> Tensor:
    """Return `count` evenly spaced rows, or all if there are no more."""
    return X if len(X) <= count else X[torch.arange(count) * len(X) // count]
