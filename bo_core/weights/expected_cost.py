"""Predict the cost of a point with a Gaussian process of log cost.

Log cost is modelled separately from the objective, as in Snoek, Larochelle and Adams 2012, section 3.2. This is their
expected improvement per second, with costs instead of seconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.bo_core.numerics.tensor_of import tensor_of
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.settings.acquisitions import GAINS
from overnight.bo_core.surrogate import Hyperparameters, Posterior, Prior, TrainingData, fit
from overnight.bo_core.surrogate.fit import LEAST_JITTER
from overnight.bo_core.surrogate.hyperparameters import Record
from overnight.campaign import Campaign, History, Trial
from overnight.campaign.history.trial import Observation
from overnight.campaign.standing.spending import has_reported_costs, spending

# With fewer costs no trend can be seen.
_FEWEST = 3
# Length scales and noise are learnt from at most this many costs.
_MOST_FITTED = 128
# Logarithms that differ by no more than this are those of equal costs.
_EQUAL = 1e-9


def share_of_cost(campaign: Campaign, history: History, proposer: BayesianProposer) -> float:
    """Return the power of the expected cost that scores are divided by; 0 if costs do not count.

    The power is the fraction of the cost budget that is left, or 1 without such a budget. Costs count less and less as
    the budget runs out (cost-cooling: Lee, Perrone, Archambeau and Seeger 2020).
    """
    if not proposer.cost_aware or proposer.acquisition not in GAINS:
        return 0.0
    budget = campaign.budget.cost
    return 1.0 if budget is None else max(1.0 - spending(history.trials.values()).cost / budget, 0.0)


@dataclass(frozen=True)
class Costs:
    """The costs of observed trials: features X [c, d] and logarithms [c], of which at least two differ.

    `groups` are as for `TrainingData`.
    """

    X: Tensor
    logs: Tensor
    groups: FeatureGroups | None = None

    @classmethod
    def of(cls, trials: Sequence[Trial], X: Tensor, groups: FeatureGroups) -> "Costs | None":
        """Return the known costs of trials with features X [n, d]; None if nothing can be learnt from them.

        Costs without a finite logarithm are left out.
        """
        told = has_reported_costs(trials)
        known: list[tuple[int, float]] = []
        for i, end in enumerate(trial.outcome for trial in trials):
            cost = None if not isinstance(end, Observation) else end.cost if told else end.seconds
            if cost is not None and 0.0 < cost < math.inf:
                known.append((i, cost))
        if len(known) < _FEWEST:
            return None
        logs = torch.tensor([cost for _, cost in known], dtype=torch.float64).log()
        return cls(X[[i for i, _ in known]], logs, groups) if float(logs.max() - logs.min()) > _EQUAL else None

    @property
    def center(self) -> float:
        """Return the mean logarithm, which is that of a typical cost."""
        return float(self.logs.mean())

    @property
    def scale(self) -> float:
        """Return the standard deviation of the logarithms."""
        return float(self.logs.std())

    def standardised(self) -> TrainingData:
        """Return the logarithms, standardised, as training data of unknown noise."""
        y = (self.logs - self.center) / self.scale
        return TrainingData.of(self.X, y, torch.full_like(y, torch.nan), self.groups)


@dataclass(frozen=True)
class ExpectedCost:
    """E[cost] = exp(center + scale μ + ½ scale² (s² + σ²)), μ and s² the `posterior` of standardised logarithms.

    A score is divided by (E[cost] / exp(center))^share. Costs are thus in units of a typical cost, so a score does not
    depend on the unit in which they are reported.
    """

    posterior: Posterior
    center: float
    scale: float
    share: float

    @classmethod
    def fitted(cls, costs: Costs, share: float) -> "ExpectedCost":
        """Learn from costs; a pure function of its arguments, as the fit's starts come from a generator of its own."""
        data = costs.standardised()
        count = min(len(data.y), _MOST_FITTED)
        part = data.part(torch.arange(count) * len(data.y) // count)
        found = fit(part, "matern52", Prior(data.groups.count), torch.Generator().manual_seed(0), cold=1)
        return cls.recalled(costs, share, tensor_of(found.theta[None]))

    @classmethod
    def recalled(cls, costs: Costs, share: float, theta: Tensor) -> "ExpectedCost":
        """Return the model fitted to these costs, from its recorded θ [1, h]."""
        data = costs.standardised()
        hyperparameters = Hyperparameters(theta, data.groups.count, "matern52", LEAST_JITTER)
        return cls(Posterior.of(data, hyperparameters), costs.center, costs.scale, share)

    def at(self, X: Tensor) -> Tensor:
        """Return E[cost] [b] at features X [b, d], in the unit in which costs are reported."""
        mean, sd = self.posterior.marginal(X)
        logs = self.center + self._above_center(mean, sd.square())
        return logs.exp().clamp(max=torch.finfo(torch.float64).max)

    def log_weight(self, X: Tensor) -> Tensor:
        """Return the term added to logarithms of scores [b] at features X [b, d]."""
        mean, sd = self.posterior.marginal(X)
        return -self.share * self._above_center(mean, sd.square())

    def log_weight_and_gradient(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return that term and its gradient [b, d] at features X [b, d]."""
        mean, variance, by_mean, by_variance = self.posterior.marginal_with_gradients(X)
        gradient = (self.scale * by_mean + 0.5 * self.scale**2 * by_variance)[0]
        return -self.share * self._above_center(mean, variance), -self.share * gradient

    def as_record(self) -> Record:
        """Return the bit-exact numbers from which it can be restored without a fit."""
        return self.posterior.hyperparameters.as_record()

    def _above_center(self, mean: Tensor, variance: Tensor) -> Tensor:
        """Return log E[cost] − center [b] for one set of means and latent variances [1, b]."""
        noise = self.posterior.hyperparameters.noise_variance[:, None]
        return (self.scale * mean + 0.5 * self.scale**2 * (variance + noise))[0]
