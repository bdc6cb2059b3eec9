"""Weight a score by the probability of a result and by its expected cost."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from overnight.bo_core.data.situation import Situation
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.search.surface import Surface
from overnight.bo_core.weights.expected_cost import Costs, ExpectedCost
from overnight.bo_core.weights.feasibility import Feasibility

# P counts squared. A failing trial costs as much as any other and gives no information about the objective. Also, the
# candidate of highest score often has an overestimated P (docs/decisions/0012-feasibility.md).
_CAUTION = 2.0


@dataclass(frozen=True)
class Weighting:
    """The logarithm that is added to every score, 2 log P − share · log E[cost].

    If nothing weighs, scores stay unchanged, bit for bit. Scores that are not logarithms are in standard deviations of
    the outcomes; one nat then counts as one standard deviation. Everything is on the CPU, on which the search runs.
    """

    feasibility: Feasibility | None = None
    cost: ExpectedCost | None = None

    @classmethod
    def fitted(cls, situation: Situation, proposer: BayesianProposer, share_of_cost: float = 0.0) -> "Weighting":
        """Learn the weights that the proposer asks for; those of cost only if their share is above 0."""
        ignored = proposer.feasibility == "ignore"
        worked, failed, groups = situation.worked, situation.failed, situation.groups
        feasibility = None if ignored else Feasibility.fitted(worked, failed, groups)
        costs = costs_of(situation, share_of_cost)
        return cls(feasibility, None if costs is None else ExpectedCost.fitted(costs, share_of_cost))

    @classmethod
    def recalled(
        cls, situation: Situation, share_of_cost: float, feasibility: Tensor | None, cost: Tensor | None
    ) -> "Weighting":
        """Return the fitted weighting, from the recorded θ [1, h]; None for a part that did not weigh."""
        costs = None if cost is None else costs_of(situation, share_of_cost)
        worked, failed, groups = situation.worked, situation.failed, situation.groups
        return cls(
            None if feasibility is None else Feasibility.recalled(worked, failed, feasibility, groups),
            None if cost is None or costs is None else ExpectedCost.recalled(costs, share_of_cost, cost),
        )

    def log(self, X: Tensor) -> Tensor:
        """Return the logarithms [b] at features X [b, d]."""
        found = self.log_of_cost(X)
        return found if self.feasibility is None else found + _CAUTION * self.feasibility.log_probability(X)

    def log_of_cost(self, X: Tensor) -> Tensor:
        """Return the part [b] of the logarithms that applies even if a result is certain."""
        return X.new_zeros(len(X)) if self.cost is None else self.cost.log_weight(X)

    def log_and_gradient(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logarithms [b] and their gradients [b, d] at features X [b, d]."""
        found, gradient = X.new_zeros(len(X)), torch.zeros_like(X)
        if self.cost is not None:
            found, gradient = self.cost.log_weight_and_gradient(X)
        if self.feasibility is not None:
            more, more_gradient = self.feasibility.log_probability_and_gradient(X)
            found, gradient = found + _CAUTION * more, gradient + _CAUTION * more_gradient
        return found, gradient

    def over(self, surface: Surface) -> Surface:
        """Return the surface with the logarithm added to it."""
        if self.feasibility is None and self.cost is None:
            return surface

        def both(X: Tensor) -> tuple[Tensor, Tensor]:
            value, gradient = surface.value_and_gradient(X)
            more, more_gradient = self.log_and_gradient(X)
            return value + more, gradient + more_gradient

        return replace(
            surface,
            value=lambda X: surface.value(X) + self.log(X),
            value_and_gradient=both,
            screen=lambda X: surface.screen(X) + self.log(X),
        )

    def probability_feasible(self, x: Tensor) -> float | None:
        """Return the probability that features x [1, d] give a result; None if no failure suggests otherwise."""
        return None if self.feasibility is None else float(self.feasibility.log_probability(x).exp())

    def predicted_cost(self, x: Tensor) -> float | None:
        """Return the expected cost of features x [1, d]; None if cost does not weigh."""
        return None if self.cost is None else float(self.cost.at(x))


def costs_of(situation: Situation, share_of_cost: float) -> Costs | None:
    """Return the costs of the observed trials; None if they do not count or nothing can be learnt from them."""
    return None if share_of_cost == 0.0 else Costs.of(situation.view.observed, situation.tried, situation.groups)
