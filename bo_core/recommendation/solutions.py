"""Choose several different solutions: the recommended point, and others that are nearly as good.

The choice is greedy: each solution is the best point that differs enough from those before it. A point that was not
measured is a solution only if no measured one is good enough.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from overnight.bo_core.recommendation.apart import Apart, best_apart
from overnight.bo_core.recommendation.contest import Contest
from overnight.bo_core.recommendation.counted import Counted, first_of_each_point
from overnight.bo_core.recommendation.elsewhere import Untried
from overnight.bo_core.widening import WIDENING_OF_BEST
from overnight.campaign import Campaign, Goal, Point, Trial
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import FoundSolutions, Recommendation, Solution
from overnight.campaign.solutions import Solutions, difference

# The share of the distance from the best mean to the median of all means within which a solution lies by default.
_SHARE = 0.1
# Some starts of the search for another solution lie near this many of the best measured points that differ enough.
_NEAR = 5

# The best point that differs enough from the chosen ones, and by how much it is worse; None if there is none.
Elsewhere = Callable[[Sequence[Point]], tuple[Point, float] | None]


@dataclass(frozen=True)
class Choice:
    """The rules of a greedy choice; `losses` are by how much each of the `trials` is worse than the first solution.

    A loss is infinite if a trial's point is not feasible enough.
    """

    campaign: Campaign
    asked: Solutions
    trials: Sequence[Trial]
    losses: Sequence[float]
    within: float
    measured_only: bool

    def found(
        self, first: Recommendation, solution: Callable[[int | None, Point], Solution], elsewhere: Elsewhere
    ) -> FoundSolutions:
        """Choose the solutions; `solution` makes one from a trial's number, None if there is no trial, and a point."""
        chosen, next_loss = [(first.trial, first.point)], None
        while len(chosen) < self.asked.count and first.feasible_enough is not False:
            points = [point for _, point in chosen]
            best = min(self._apart_from(points), key=lambda i: self.losses[i], default=None)
            losses = [] if best is None else [self.losses[best]]
            if best is not None and losses[0] <= self.within:
                chosen.append((self.trials[best].id, self.trials[best].point))
                continue
            if (other := elsewhere(points)) is not None:
                losses.append(other[1])
                if other[1] <= self.within:
                    chosen.append((None, other[0]))
                    continue
            next_loss = min(filter(math.isfinite, losses), default=None)
            break
        space, points = self.campaign.space, [point for _, point in chosen]
        found = [solution(*each) for each in chosen]
        for i, each in enumerate(found):
            others = [difference(space, each.point, other) for other in points[:i] + points[i + 1 :]]
            found[i] = each.model_copy(update={"differs_by": min(others, default=None)})
        return FoundSolutions(
            asked=self.asked.count,
            apart=self.asked.apart,
            within=self.within,
            within_inferred=self.asked.within is None,
            found=tuple(found),
            next_loss=next_loss,
            measured_only=self.measured_only,
        )

    def _apart_from(self, points: Sequence[Point]) -> list[int]:
        space = self.campaign.space
        return [
            i for i, trial in enumerate(self.trials) if all(self.asked.differ(space, trial.point, p) for p in points)
        ]


def believed_solutions(
    counted: Counted, contest: Contest, asked: Solutions, first: Recommendation, *, anywhere: bool
) -> FoundSolutions:
    """Return the solutions by the beliefs about one objective; only observed points count unless `anywhere`."""
    campaign, encoding, model = counted.campaign, counted.encoding, contest.model
    outcomes, objective, X = model.observed.outcomes, campaign.objective, counted.tried

    def means(points: Sequence[Point]) -> list[float]:
        return model.posterior.averaged(encoding.encode(points).to(model.device))[0].cpu().tolist()

    [best] = means([first.point])
    at = means([trial.point for trial in counted.trials])

    def loss(mean: float) -> float:
        return objective.turned(outcomes.mean_in_units(best)) - objective.turned(outcomes.mean_in_units(mean))

    losses = [loss(mean) for mean in at]
    met = contest.probabilities(X)
    feasible = [True] * len(at) if met is None else (met.every >= campaign.feasible_at_least).tolist()
    counting = [each if allowed else math.inf for each, allowed in zip(losses, feasible, strict=True)]
    choice = Choice(campaign, asked, counted.trials, counting, _within(asked, losses), not anywhere)
    untried = Untried.of(contest, counted) if anywhere else None

    def elsewhere(chosen: Sequence[Point]) -> tuple[Point, float] | None:
        if untried is None:
            return None
        apart = Apart.of(encoding, asked, chosen)
        order = sorted((i for i in range(len(at)) if apart.holds(counted.trials[i].point)), key=lambda i: losses[i])
        point = best_apart(untried, apart, X[order[:_NEAR]])
        if point is None:
            return None
        # A point that may give no result is worth less than its mean.
        weight = float(untried.weighting.log(encoding.encode([point]))[0])
        return point, loss(means([point])[0] + weight)

    def solution(trial: int | None, point: Point) -> Solution:
        x = encoding.encode([point])
        predicted = {contest.objective: model.prediction(x, WIDENING_OF_BEST), **contest.others(x)}
        return Solution(
            trial=trial,
            point=point,
            predicted=first.predicted if point == first.point else predicted,
            probability_feasible=contest.feasibility(campaign, x).get("probability_feasible"),
        )

    return choice.found(first, solution, elsewhere)


def measured_solutions(
    campaign: Campaign, goal: Goal, trials: Sequence[Trial], asked: Solutions, first: Recommendation
) -> FoundSolutions:
    """Return the solutions by measurements alone, for lack of a model; if no trial is feasible, the first one only."""
    distinct = first_of_each_point(trials)
    measured = {trial.id: found for trial, found in zip(trials, goal.values_of(trials), strict=True)}
    turned, by_id = campaign.objective.turned, {trial.id: trial for trial in trials}
    losses = [turned(first.mean) - turned(measured[trial.id].mean) for trial in distinct]
    nowhere = first.trial is None or not goal.feasible(by_id[first.trial].measured)
    counting = [
        math.inf if nowhere or not goal.feasible(trial.measured) else each
        for trial, each in zip(distinct, losses, strict=True)
    ]
    choice = Choice(campaign, asked, distinct, counting, _within(asked, losses), measured_only=True)

    def solution(trial: int | None, point: Point) -> Solution:
        assert trial is not None, "expected a measured point"
        found = measured[trial]
        predicted = {campaign.objective.metric: Prediction(mean=found.mean, sd=found.sem)}
        return Solution(trial=trial, point=point, predicted=predicted)

    return choice.found(first, solution, lambda _: None)


def _within(asked: Solutions, losses: Sequence[float]) -> float:
    """Return by how much a solution may be worse than the first one."""
    return asked.within if asked.within is not None else max(_SHARE * median(losses), 0.0)
