"""The models from which a point is recommended, and the best of several points by their beliefs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from overnight.bo_core.acquisition import Score
from overnight.bo_core.acquisition.distance import utility_towards
from overnight.bo_core.acquisition.limited import lies_within
from overnight.bo_core.acquisition.score import OneObjective
from overnight.bo_core.acquisition.simple_regret import SimpleRegret
from overnight.bo_core.limits import Limits, Probabilities
from overnight.bo_core.model import Beliefs, Model
from overnight.bo_core.recommendation.joint_samples import joint_samples
from overnight.bo_core.surrogate import Belief
from overnight.bo_core.widening import WIDENING
from overnight.campaign import Campaign
from overnight.campaign.history.provenance import Prediction

# The doubts that are allowed in a search, as shares of the demanded one.
_SHARES = (1.0, 0.5, 0.25)
# Probabilities and distances from limits that differ by less are alike.
_ALIKE = 1e-6


@dataclass(frozen=True)
class Contest:
    """The models of all metrics, by name, and the limits of constraints, if there are any."""

    objective: str
    models: Beliefs
    limits: Limits | None

    @property
    def model(self) -> Model:
        """Return the model of the objective."""
        return self.models[self.objective]

    @property
    def beliefs(self) -> dict[str, Belief]:
        """Return the beliefs about all metrics."""
        return {metric: model.posterior for metric, model in self.models.items()}

    def scores(self) -> Iterator[Score]:
        """Yield scores of a point that may be recommended, its mean if it is feasible enough; each is stricter.

        A search may end at a point that is not quite feasible enough: a score knows the probability only nearly.
        """
        if self.limits is None:
            wanted = self.model.observed.outcomes.wanted
            mean = utility_towards(None if wanted is None else wanted.at, SimpleRegret())
            yield OneObjective(self.objective, mean)
            return
        for share in _SHARES:
            yield self.limits.confident_mean(self.limits.baseline, 1.0 - share * (1.0 - self.limits.level))

    def probabilities(self, X: Tensor) -> Probabilities | None:
        """Return how probably points X [c, d] meet the constraints; None without constraints."""
        if self.limits is None:
            return None
        return self.limits.probabilities(self.beliefs, X.to(self.model.device), WIDENING)

    def feasibility(self, campaign: Campaign, x: Tensor) -> dict[str, Any]:
        """Return what a recommendation of a point x [1, d] says about constraints.

        One whose metric was never measured is not known to hold.
        """
        if not campaign.constraints:
            return {}
        met = self.probabilities(x)
        known = {} if met is None else {text: float(share) for text, share in met.each.items()}
        each = {str(constraint): known.get(str(constraint), 0.0) for constraint in campaign.constraints}
        every = 0.0 if met is None or len(known) < len(each) else float(met.every)
        return {"constraints": each, "probability_feasible": every, "feasible_at_least": campaign.feasible_at_least}

    def best(self, mean: Tensor, X: Tensor) -> int:
        """Return which of the points X [c, d] of these means [c] is the best of those that count."""
        return int(mean.masked_fill(~self.counting(X), -torch.inf).argmax())

    def counting(self, X: Tensor) -> Tensor:
        """Return whether each of the points X [c, d] counts: those that are feasible enough.

        If none is, those with the highest probability of being feasible count; of several, those whose metrics lie
        closest to their limits.
        """
        found = self.probabilities(X)
        if found is None or self.limits is None:
            return torch.ones(len(X), dtype=torch.bool)
        among = found.every >= self.limits.level
        if not bool(among.any()):
            among = found.every >= found.every.max() - _ALIKE
            beyond = self.limits.violations(self.beliefs, X.to(self.model.device))
            among &= beyond <= beyond[among].min() + _ALIKE
        return among

    def is_feasible_enough(self, x: Tensor) -> bool:
        """Return whether a point x [1, d] is feasible with the probability that the campaign demands."""
        found = self.probabilities(x)
        return found is None or self.limits is None or float(found.every[0]) >= self.limits.level

    def others(self, x: Tensor) -> dict[str, Prediction]:
        """Return the beliefs about the true values of the metrics but the objective at a point x [1, d].

        If the objective is a distance from a target, its metric is one of them.
        """
        found = {
            metric: model.prediction(x, WIDENING) for metric, model in self.models.items() if metric != self.objective
        }
        return self.model.of_target(x, WIDENING) | found

    def share_best(self, X: Tensor, of_objective: Tensor, best: int, generator: torch.Generator) -> float:
        """Return the share of joint samples [c, S] of the objective at points X [c, d] in which one is the best.

        With constraints, it is the best of those that are feasible in the sample.
        """
        if self.limits is None:
            return float((of_objective.argmax(0) == best).double().mean())
        feasible = self._feasible_in_samples(self.limits, X, of_objective, generator)
        among = of_objective.masked_fill(~feasible, -torch.inf)
        return float(((among.argmax(0) == best) & feasible.any(0)).double().mean())

    def _feasible_in_samples(
        self, limits: Limits, X: Tensor, of_objective: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Return whether points X [c, d] are feasible in samples [c, S], of which those of the objective are given."""
        points = torch.cat([X, limits.baseline.cpu()])
        row = len(X) if len(limits.baseline) else None
        feasible = torch.ones_like(of_objective, dtype=torch.bool)
        for metric, allowed in limits.allowed.items():
            if metric == self.objective and row is None:
                values = of_objective
            else:
                means, covariances = self.models[metric].posterior.joint(points.to(self.model.device))
                values = joint_samples(means.cpu(), covariances.cpu(), generator)
            low, high = allowed.ends(values.unsqueeze(0), row)
            feasible &= lies_within(values[: len(X)].unsqueeze(0), low, high)[0]
        return feasible
