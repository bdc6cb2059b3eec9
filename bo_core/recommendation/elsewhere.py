"""Search for an untried point that is better, even with caution, than those that were tried."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from overnight.bo_core.acquisition import AverageScore, JointDraws
from overnight.bo_core.acquisition.surfaces import surface_of_score
from overnight.bo_core.choice import effort_of
from overnight.bo_core.data.encoding import PointKey, key_of
from overnight.bo_core.recommendation.contest import Contest
from overnight.bo_core.recommendation.counted import Counted
from overnight.bo_core.search.climb import Effort, search, starting_points
from overnight.bo_core.search.surface import Surface
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import ModelView, Point
from overnight.campaign.errors import SpaceExhausted

# Some starts of the search for a better point lie near this many of the best observed ones.
_NEAR = 5
# Standard deviations below the mean at which points are compared before the best observed one is left.
_CAUTION = 2.0


def better_elsewhere(contest: Contest, counted: Counted) -> Point | None:
    """Return the untried point of highest mean if it beats those that were tried, with and without caution.

    With constraints, only points that are feasible enough count. Without such a point among those that were tried, one
    elsewhere is better.
    """
    model, tried, view = contest.model, counted.tried, counted.situation.view
    estimated = [i for i, t in enumerate(model.observed.trials) if i >= len(view.observed) and t.id not in view.outside]
    rivals = torch.cat([tried, model.observed.X[estimated]])
    at, sd_at = (found.cpu() for found in model.posterior.averaged(rivals.to(model.device)))
    if (best := contest.best(at, rivals)) >= len(tried):
        # The end of a stopped trial is only predicted, which is no reason to recommend its neighbours.
        return None
    near = rivals[at.argsort(descending=True)[:_NEAR]]
    if (found := Untried.of(contest, counted).best(near)) is None:
        return None
    point, value = found
    if not contest.is_feasible_enough(rivals[best : best + 1]):
        return point
    _, sd = model.posterior.averaged(counted.encoding.encode([point]).to(model.device))
    gain = value - float(at[best])
    return point if gain > max(0.0, _CAUTION * float(sd.cpu() - sd_at[best])) else None


@dataclass(frozen=True)
class Untried:
    """Searches the points that have not ended a trial, with their means weighted by the probability of a result."""

    contest: Contest
    counted: Counted
    weighting: Weighting
    effort: Effort

    @classmethod
    def of(cls, contest: Contest, counted: Counted) -> "Untried":
        """Fit the weights."""
        weighting = Weighting.fitted(counted.situation, counted.proposer)
        return cls(contest, counted, weighting, effort_of(counted.proposer))

    def best(
        self, near: torch.Tensor, changed: Callable[[Surface], Surface] = lambda surface: surface
    ) -> tuple[Point, float] | None:
        """Return the point of highest mean that is feasible enough, with its weighted mean; None if none is found.

        Some of the starts lie near points [c, d]. The surface to climb may be `changed`, and so are then the values.
        """
        contest, counted = self.contest, self.counted
        encoding, proposer, model = counted.encoding, counted.proposer, contest.model
        pool = starting_points(encoding, self.effort, near, seed=0)
        for score in contest.scores():
            # With no points to draw, one draw is the posterior mean itself; relative limits need the baseline's.
            drawn = model.data.X[:0] if contest.limits is None else contest.limits.baseline
            draws = JointDraws(contest.beliefs, drawn, proposer.draws if len(drawn) else 1, more=1, seed=0)
            surface = changed(self.weighting.over(surface_of_score(AverageScore(draws, score))))
            try:
                found = search(encoding, surface, pool, _ended(counted.everything), self.effort, seed=0)
            except SpaceExhausted:
                return None
            if contest.is_feasible_enough(encoding.encode([found[0]])):
                return found
        return None


def _ended(view: ModelView) -> set[PointKey]:
    """Return the points that were observed, failed, were stopped, or were rejected by a person."""
    rejected = (trial for trial in view.withheld if trial.outcome is not None)
    return {key_of(trial.point) for trial in (*view.observed, *view.failed, *view.stopped, *rejected)}
