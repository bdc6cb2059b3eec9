"""The constraints of a campaign on the scale of its models: what may be best, what scores, how probable it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from overnight.bo_core.acquisition import Score, Utility
from overnight.bo_core.acquisition.distance import utility_towards
from overnight.bo_core.acquisition.limited import (
    Allowed,
    ConfidentMean,
    ConstrainedObjective,
    Threshold,
    could_be_best_feasible,
)
from overnight.bo_core.acquisition.simple_regret import SimpleRegret
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.model import Beliefs, Model
from overnight.bo_core.surrogate import Belief
from overnight.bo_core.widening import WIDENING
from overnight.campaign import Campaign
from overnight.campaign.goal.constraint import Bound, Constraint

# A difference of less variance is known: that of an exact value and a number, or of the baseline and itself.
_LEAST_VARIANCE = 1e-12
# The rounding of a limit and a value on the scale of the model.
_ROUNDING = 1e-9
# So many of the best values on a limit are no chance.
_LEAST_ON_A_LIMIT = 2


@dataclass(frozen=True)
class Limits:
    """The values that each constraint allows; one on a metric that was never measured is left out, as it is unknown.

    `baseline` [0 or 1, d] are the features of the baseline if a limit is relative to it. A point is feasible enough
    with a probability of `level`. `lowest` is the lowest mean of the objective at an observation. If the objective is
    the distance from a target, `target` is where that lies on the scale of the metric.
    """

    objective: str
    constraints: Mapping[Constraint, Allowed]
    exact: Mapping[str, "Exact"]
    baseline: Tensor
    level: float
    lowest: float
    target: float | None = None

    @classmethod
    def of(
        cls, campaign: Campaign, encoding: Encoding, beliefs: Beliefs, also: Iterable[Constraint] = ()
    ) -> "Limits | None":
        """Return the limits of a campaign's constraints, and `also` of others; None if none is on a measured metric."""
        constraints = {
            each: _allowed(each, beliefs[each.metric].observed.outcomes)
            for each in (*campaign.constraints, *also)
            if each.metric in beliefs
        }
        if not constraints:
            return None
        baseline, model = campaign.status_quo, beliefs[campaign.objective.metric]
        points = [baseline] if baseline is not None and any(each.relative for each in constraints) else []
        features, level = encoding.encode(points).to(model.device), campaign.feasible_at_least
        lowest = float(model.posterior.averaged(model.data.X)[0].min())
        exact = {each.metric: Exact.of(beliefs[each.metric], features) for each in constraints}
        wanted = model.observed.outcomes.wanted
        target = None if wanted is None else wanted.at
        return cls(campaign.objective.metric, constraints, exact, features, level, lowest, target)

    @cached_property
    def allowed(self) -> Mapping[str, Allowed]:
        """Return the values that are allowed, by metric."""
        found: dict[str, Allowed] = {}
        for constraint, allowed in self.constraints.items():
            found[constraint.metric] = found.get(constraint.metric, Allowed()).and_also(allowed)
        return found

    @cached_property
    def floor(self) -> float:
        """Return the value of the objective to beat in draws without a feasible point.

        It is the lowest mean at an observation, or a standard deviation of the outcomes below an upper limit of the
        objective itself, beyond which nothing can be gained.
        """
        highs = self.allowed.get(self.objective, Allowed()).highs
        return min([self.lowest, *(high.constant - 1.0 for high in highs if high.slope == 0.0)])

    def could_be_best(
        self, beliefs: Mapping[str, Belief], X: Tensor, generator: torch.Generator, among: Tensor | None = None
    ) -> Tensor:
        """Return the indices of those observed points X [n, d] that could be the best feasible one."""
        allowed, baseline = self.allowed, self.baseline
        return could_be_best_feasible(beliefs, self.objective, allowed, X, baseline, generator, among=among)

    def with_baseline(self, points: Tensor) -> Tensor:
        """Return points [r, d] to draw, after the baseline if limits are relative to it and it is not among them."""
        missing = len(self.baseline) and self.row_of_baseline(points) is None
        return torch.cat([self.baseline, points]) if missing else points

    def score(self, utility: Utility, points: Tensor) -> Score:
        """Return the score of a utility under the limits; `points` [r, d] are drawn."""
        if utility.logarithmic:
            return self.improvement(utility, points)
        return self.confident_mean(points, self.level)

    def confident_mean(self, points: Tensor, level: float) -> ConfidentMean:
        """Return the mean of points that are feasible with a probability of `level`; `points` [r, d] are drawn."""
        return self._mean(points, self.objective, level, WIDENING)

    def improvement(self, utility: Utility, points: Tensor) -> ConstrainedObjective:
        """Return the score of a logarithmic utility under the limits."""
        row, utility = self.row_of_baseline(points), utility_towards(self.target, utility)
        return ConstrainedObjective(self.objective, utility, self.allowed, row, self.floor)

    def likely_mean(self, points: Tensor, metric: str | None = None) -> ConfidentMean:
        """Return the mean of a metric, the objective by default, less a fine if a point is rather not feasible.

        `points` [r, d] are drawn.
        """
        return self._mean(points, metric or self.objective, 0.5, 1.0)

    def _mean(self, points: Tensor, metric: str, level: float, widening: float) -> ConfidentMean:
        mean = utility_towards(self.target, SimpleRegret())
        return ConfidentMean(metric, self.allowed, self.row_of_baseline(points), level, widening, mean)

    def probabilities(self, beliefs: Mapping[str, Belief], X: Tensor, widening: float = 1.0) -> "Probabilities":
        """Return how probably points X [b, d] meet the constraints, with sds multiplied by `widening`.

        If several constraints limit a metric on the same side, the probability of all is a lower bound.
        """
        points = torch.cat([X, self.baseline])
        joint = {name: beliefs[name].joint(points) for name in self.exact}
        broken = {each: self._broken(each, X, *joint[each.metric], widening) for each in self.constraints}
        within = {each.metric: torch.ones_like(share) for each, share in broken.items()}
        for each in self._strictest:
            within[each.metric] = within[each.metric] - broken[each]
        every = torch.stack([share.clamp(min=0.0) for share in within.values()]).prod(0).mean(0).cpu()
        return Probabilities({str(each): (1.0 - share).mean(0).cpu() for each, share in broken.items()}, every)

    def violations(self, beliefs: Mapping[str, Belief], X: Tensor) -> Tensor:
        """Return how far the means of points X [b, d] lie beyond limits [b], in sds of the outcomes, in total."""
        total = X.new_zeros(len(X))
        for metric, allowed in self.allowed.items():
            mean = beliefs[metric].averaged(torch.cat([X, self.baseline]))[0][None, :, None]
            low, high = allowed.ends(mean, len(X) if len(self.baseline) else None)
            for end, sign in ((low, 1.0), (high, -1.0)):
                if end is not None:
                    total = total + (sign * (end - mean[:, : len(X)])).clamp(min=0.0)[0, :, 0]
        return total.cpu()

    @cached_property
    def _strictest(self) -> list[Constraint]:
        """Return the constraints without those that follow from a stricter one, which limits the same metric."""
        kept: list[Constraint] = []
        for each, allowed in self.constraints.items():
            same = [other for other in kept if other.metric == each.metric]
            if not any(self.constraints[other].is_within(allowed) for other in same):
                kept = [other for other in kept if other not in same or not allowed.is_within(self.constraints[other])]
                kept.append(each)
        return kept

    def _broken(self, constraint: Constraint, X: Tensor, mean: Tensor, covariance: Tensor, widening: float) -> Tensor:
        """Return the probability [M, b] that points X [b, d] break a constraint.

        No value breaks both of its bounds, unless they are relative to a negative value and hence in the wrong order.
        The means [M, r] and covariances [M, r, r] of the metric are those of the points and the baseline after them.
        """
        b, allowed = len(X), self.constraints[constraint]
        variance = covariance.diagonal(dim1=1, dim2=2)
        total = torch.zeros_like(mean[:, :b])
        for thresholds, sign in ((allowed.lows, 1.0), (allowed.highs, -1.0)):
            for threshold in thresholds:
                # The limit is constant + slope · f(baseline), so what matters is f(x) − slope · f(baseline).
                center, spread = mean[:, :b] - threshold.constant, variance[:, :b]
                if threshold.slope != 0.0:
                    center = center - threshold.slope * mean[:, b:]
                    spread = spread - 2.0 * threshold.slope * covariance[:, :b, b]
                    spread = spread + threshold.slope**2 * variance[:, b:]
                sd = widening * spread.clamp(min=_LEAST_VARIANCE).sqrt()
                certain = (sign * center < -_ROUNDING).to(total)
                total = total + torch.where(spread < _LEAST_VARIANCE, certain, torch.special.ndtr(-sign * center / sd))
        return self.exact[constraint.metric].judged(constraint, X, total.clamp(max=1.0))

    def row_of_baseline(self, points: Tensor) -> int | None:
        """Return the row of the baseline in points [r, d]; None if it is not needed or not there."""
        if not len(self.baseline):
            return None
        found = (points == self.baseline).all(1).nonzero()
        return int(found[0]) if len(found) else None


@dataclass(frozen=True)
class Exact:
    """The exact measurements of a metric: their features X [n, d], their `means` [n], and that of the baseline.

    A model knows them only up to its jitter, which matters if a measured point lies on a limit. They are compared in
    the metric's own unit, as results are.
    """

    X: Tensor
    means: tuple[float, ...]
    baseline: float | None

    @classmethod
    def of(cls, model: Model, baseline: Tensor) -> "Exact":
        """Return the measurements of a model that have no noise, given the features [0 or 1, d] of the baseline."""
        observed = model.observed
        if observed.batches is not None or observed.missing is not None:
            # Even an exact value holds only for its own batch, or its own fidelity.
            return cls(observed.X[:0].to(model.device), (), None)
        rows = (observed.outcomes.variance == 0.0).nonzero().flatten().tolist()
        X, means = observed.X[rows].to(model.device), tuple(observed.measured[i].mean for i in rows)
        there = (baseline == X).all(1).nonzero().flatten().tolist() if len(baseline) else []
        return cls(X, means, means[there[0]] if there else None)

    def judged(self, constraint: Constraint, X: Tensor, broken: Tensor) -> Tensor:
        """Return the probabilities [M, b] that points X [b, d] break a constraint, 0 or 1 where that is known."""
        if not self.means or (constraint.relative and self.baseline is None):
            return broken
        met = [constraint.allows(mean, self.baseline) for mean in self.means]
        same = (X.unsqueeze(1) == self.X).all(2)
        known = torch.tensor(met, device=X.device)[same.to(torch.uint8).argmax(1)]
        return torch.where(same.any(1), (~known).to(broken), broken)


@dataclass(frozen=True)
class Probabilities:
    """The probabilities [b] that points meet `each` constraint, by its text, and `every` one."""

    each: Mapping[str, Tensor]
    every: Tensor


def _allowed(constraint: Constraint, outcomes: Outcomes) -> Allowed:
    """Return the values that a constraint allows."""
    ends = _threshold(constraint.at_least, outcomes), _threshold(constraint.at_most, outcomes)
    low, high = outcomes.ends(*ends)
    return Allowed(_continued(low, outcomes.y, 1.0), _continued(high, outcomes.y, -1.0))


def _threshold(bound: Bound | None, outcomes: Outcomes) -> tuple[Threshold, ...]:
    return () if bound is None else (Threshold(*outcomes.line(bound.offset, bound.factor)),)


def _continued(thresholds: tuple[Threshold, ...], y: Tensor, sign: float) -> tuple[Threshold, ...]:
    """Return a limit half-way to the next worse value if the best values y [n] lie exactly on it, as counts do.

    A model would believe that the true value is beyond such a limit with a probability of one half. `sign` is 1 for a
    lower limit, −1 for an upper one.
    """
    if not thresholds or thresholds[0].slope != 0.0:
        return thresholds
    inside, limit = sign * y, sign * thresholds[0].constant
    beyond, on = inside > limit + _ROUNDING, (inside - limit).abs() <= _ROUNDING
    if bool(beyond.any()) or int(on.sum()) < _LEAST_ON_A_LIMIT:
        return thresholds
    worse = inside[inside < limit - _ROUNDING]
    further = float(worse.max()) if len(worse) else limit - 2.0
    return (Threshold(sign * 0.5 * (limit + further)),)
