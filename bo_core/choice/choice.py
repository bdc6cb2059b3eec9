"""Choose a batch point by point, each given the ones before it; a point may be an observed one to measure again."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from overnight.bo_core.acquisition import AverageScore, JointDraws, SampledPath, utility_of
from overnight.bo_core.acquisition.distance import gains_of_measuring
from overnight.bo_core.acquisition.replication import gains_in_best_mean
from overnight.bo_core.acquisition.surfaces import surface_of_path, surface_of_score
from overnight.bo_core.aims import aim_of
from overnight.bo_core.choice.arms import MULTIPLES, Arms, first_of_each
from overnight.bo_core.choice.asked import Asked
from overnight.bo_core.choice.candidate import Candidate, Prepared, Repetitions
from overnight.bo_core.choice.fidelities import MOST_INCUMBENTS, Fidelities
from overnight.bo_core.choice.pending import Outstanding, treat
from overnight.bo_core.data.encoding import PointKey, key_of
from overnight.bo_core.data.runs import OWN
from overnight.bo_core.model import Beliefs
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.search.climb import (
    MOST_ENUMERATED,
    POLISHED,
    Effort,
    climbed_ends,
    search,
    starting_points,
)
from overnight.bo_core.search.surface import Surface
from overnight.bo_core.settings.acquisitions import ACQUISITIONS
from overnight.bo_core.surrogate import Belief, Posterior
from overnight.bo_core.surrogate.distance import DistanceBelief
from overnight.bo_core.weights.second_opinion import SecondOpinion
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import Point
from overnight.campaign.errors import SpaceExhausted

REPLICATION = "replication"
_LEAST_DRAWS = 32
_MOST_MEASURED_AGAIN = 16
# The last of many steps of a climb gain little. That matters if a step is dear.
_MOST_DEAR_STEPS = 40


class Choice:
    """One batch: the beliefs, the outstanding points (which grow with each choice), and the points taken.

    The generator is in the state in which a fit of the model left it. Each point begins with `prepared` and ends with
    `take`; between them, `searched` and `repetitions` may be called. A second `opinion` may find the best point
    hopeless.
    """

    def __init__(
        self,
        asked: Asked,
        beliefs: Beliefs,
        generator: torch.Generator,
        weighting: Weighting,
        opinion: SecondOpinion | None,
    ) -> None:
        self.objective, self.encoding = asked.campaign.objective.metric, asked.encoding
        self.proposer, self.q = asked.proposer, asked.q
        self.beliefs, self.model, self.generator = beliefs, beliefs[self.objective], generator
        self.weighting = weighting
        situation, device = asked.situation, self.model.device
        pending = situation.pending.to(device)
        treated = {metric: treat(self.proposer.pending, model, pending) for metric, model in beliefs.items()}
        self.posteriors = {metric: each.posterior for metric, each in treated.items()}
        of_objective = treated[self.objective]
        self.constraints = asked.campaign.constraints
        self.here, self.outside = situation.inside(self.model.data.X), asked.view.outside
        self.aim = aim_of(asked.campaign, asked.encoding, beliefs, self.here)
        self.opinion = self._opinion_of_feasible(opinion)
        could_be = self.aim.could_be_best(
            self.posteriors, of_objective.X, self.generator, situation.inside(of_objective.X)
        )
        self.arms, self.fidelities = Arms.of(asked, self.model), Fidelities.of(asked)
        self.fidelity = asked.campaign.fidelity
        if self.arms is not None or asked.campaign.fidelity is not None:
            could_be = first_of_each(of_objective.X, could_be)
        self.incumbents = could_be[could_be < len(self.model.data.X)]
        # Failed points are drawn even if failures are learnt from: the model may treat a single one as noise, and its
        # neighbours must not be tried.
        failed, parked = situation.without_value.to(device), situation.parked.to(device)
        outstanding = Outstanding(of_objective.drawn, failed, parked, situation.approval)
        self.outstanding = outstanding.and_chosen(self._features(self._unknown(asked)))
        self.acquisition, self.utility = ACQUISITIONS[self.proposer.acquisition], utility_of(self.proposer)
        self.draws = self._draws(of_objective.X[could_be])
        self.taken, self.confirming, self.agrees = asked.taken, asked.confirming, asked.agrees
        self.chosen_here: set[PointKey] = set()
        self.near = of_objective.X[could_be].cpu()
        self.newest: Tensor | None = None

    @property
    def posterior(self) -> Belief:
        """Return the belief about the objective, including made-up outcomes of pending trials."""
        return self.posteriors[self.objective]

    @property
    def called(self) -> str:
        """Return the name under which the acquisition is recorded."""
        return self.aim.called(self.proposer.acquisition)

    def _floor(self) -> float | None:
        """Return the value to beat in draws without a feasible point; None if no draw, or every one, lacks it."""
        return self.aim.floor if 0.0 < self._share_without_feasible < 1.0 else None

    @property
    def _share_without_feasible(self) -> float:
        """Return the share of the draws in which no point is feasible; 0 without constraints."""
        if self.draws is None or not self.acquisition.against_best:
            return 0.0
        return self.aim.share_without_feasible(self.draws.drawn, self.drawn_points)

    def next(self) -> Candidate:
        """Choose, take and return the next point of the batch.

        In an A/B test, an observed point is measured again if a finite space has no new one left. Raises SpaceExhausted
        if no point is left.
        """
        try:
            new = self.searched(self.prepared())
        except SpaceExhausted:
            if (again := self._best_again()) is None:
                raise
            self.take(again.point)
            return again
        gain, floor = self._expected_gain(new.point), self._floor()
        instead = self.best_for_cost(new.point) if self.fidelities else self._worth_repeating(new.point)
        chosen = replace(instead or new, gain=gain, floor=floor)
        self.take(chosen.point)
        return chosen

    def prepared(self) -> Prepared:
        """Return the surface on which the next point of the batch is searched."""
        if self.newest is not None and self.draws is not None:
            self.draws.add(self.newest)
        pool_seed = self._new_seed()
        return Prepared(self.weighting.over(self._surface()), pool_seed, self._new_seed())

    def searched(self, at: Prepared) -> Candidate:
        """Return the new point of highest value, or that of highest score if the former is hopeless.

        A confirming point may be an observed one, and is never hopeless.
        """
        found = self._best_on(at.surface, at)
        if self.confirming:
            return self._better_again(found, at.surface)
        if self.opinion is None or not self.opinion.finds_hopeless(self.encoding.encode([found.point])):
            return found
        return self._best_on(self.opinion.over(at.surface), at)

    def probabilities_of_constraints(self, x: Tensor) -> dict[str, float]:
        """Return how probably features x [1, d] meet each constraint, by its text; 0 if its metric is unknown."""
        each = {str(constraint): 0.0 for constraint in self.constraints}
        if self.aim.limits is None:
            return each
        found = self.aim.limits.probabilities(self.posteriors, x.to(self.model.device))
        return each | {text: float(share) for text, share in found.each.items()}

    def score(self, at: Prepared, point: Point) -> float:
        """Return the value of a point there, lowered if it is hopeless."""
        surface = at.surface if self.opinion is None else self.opinion.over(at.surface)
        return float(surface.value(self.encoding.encode([point]))[0])

    def _best_on(self, surface: Surface, at: Prepared) -> Candidate:
        effort = effort_of(self.proposer)
        if self.model.data.many or self.aim.dear:
            effort = replace(effort, steps=_MOST_DEAR_STEPS)
        pool = starting_points(self.encoding, effort, self.near, at.pool_seed)
        pool = torch.cat([pool, *self._ends_of_guides(pool, effort, at.search_seed)])
        point, value = search(self.encoding, surface, pool, self.taken, effort, at.search_seed)
        return Candidate(point, value, self.called)

    def _ends_of_guides(self, pool: Tensor, effort: Effort, seed: int) -> list[Tensor]:
        """Return the ends [b, d] of climbs on each guide of the aim; none if the whole space is searched."""
        size, points = self.encoding.size(), self._with_baseline(self.outstanding.points)
        guides = self.aim.guides(points)
        if not guides or (size is not None and size <= MOST_ENUMERATED):
            return []
        draws = JointDraws(self.posteriors, points, draws=1, more=1, seed=None)
        surfaces = [surface_of_score(AverageScore(draws, guide)) for guide in guides]
        return [climbed_ends(self.encoding, surface, pool, effort, seed) for surface in surfaces]

    def _better_again(self, new: Candidate, surface: Surface) -> Candidate:
        """Return the observed point of highest value if the search found none that is better."""
        observed = self.model.observed
        tried = enumerate(observed.trials)
        free = [i for i, t in tried if key_of(t.point) not in self.taken and t.id not in self.outside]
        if not free:
            return new
        values = surface.value(observed.X[free])
        best = int(values.argmax())
        point = observed.trials[free[best]].point
        again = replace(new, point=self._in_full(point), value=float(values[best]))
        return again if again.value >= new.value else new

    def take(self, point: Point) -> None:
        """Add a point to the batch."""
        self.taken = self.taken.and_chosen([key_of(point)])
        self.chosen_here.add(key_of(point))
        x = self._features([point])
        self.near = torch.cat([self.near, x.cpu()])
        self.outstanding, self.newest = self.outstanding.and_chosen(x), x[0]
        if self.fidelities is not None:
            self.fidelities = self.fidelities.and_chosen(point)

    def best_for_cost(self, new: Point) -> Candidate | None:
        """Return what is expected to gain most for its cost: a new point or one that may be the best, at a fidelity."""
        options = self.options(new)
        return max(options, key=lambda option: option.value, default=None)

    def options(self, new: Point) -> list[Candidate]:
        """Return what may be measured at a new point and at those that may be the best, at each fidelity."""
        if self.fidelities is None:
            return []
        tried = [self._in_full(self.tried_at(self.model.data.X[i].cpu())) for i in self.incumbents[:MOST_INCUMBENTS]]
        points = [new, *(point for point in tried if self.agrees is None or self.agrees(point))]
        x = self._features(points)
        weights = self.weighting.log(x.cpu()).exp() * self._probability_feasible(x).cpu()
        noise = self.model.posterior.replicate_noise(self.model.data).median(1).values
        found = self.fidelities.options(self.model.lower, points, self.taken, noise, weights)
        return [replace(option, instead_of=new) for option in found]

    def run_of(self, point: Point) -> int:
        """Return the run that a measurement of a point would continue, see `Runs`."""
        return OWN if self.fidelities is None else self.fidelities.run_of(point)

    def _in_full(self, point: Point) -> Point:
        """Return a point at full fidelity, if the campaign has fidelities."""
        return point if self.fidelity is None else self.fidelity.at(point)

    def repetitions(self, new: Point | None) -> Repetitions | None:
        """Return the expected gains of repeating observed points and of a new point; None if none may be repeated.

        Without a new point, none is gained there.
        """
        if not self._may_repeat():
            return None
        x = self._features([] if new is None else [new])
        data = self.model.data
        noise = self._noise_of_repetitions()
        # A point that was measured exactly has nothing left to learn.
        places = self._likely_feasible(self.incumbents[(noise[:, self.incumbents] > 0).all(0)])
        places = self._free(places)[:_MOST_MEASURED_AGAIN]
        if not len(places):
            return None
        typical = noise.median(1).values
        of_points = torch.cat([noise[:, places], typical.unsqueeze(1).expand(-1, len(x))], 1)
        points = torch.cat([data.X[places], x])
        gains = gains_of_measuring(self.posterior, points, of_points, self.outstanding.coming, typical)
        again, gains, of_new = points[: len(places)].cpu(), gains[: len(places)], gains[len(places) :]
        # An observed point gives a result again; the new one may not. Both have a cost.
        if new is not None:
            of_new = of_new * self.weighting.log(x.cpu()).exp() * self._probability_feasible(x)
        return Repetitions(again, gains * self.weighting.log_of_cost(again).exp(), float(of_new.sum()))

    def _worth_repeating(self, new: Point) -> Candidate | None:
        """Return an observed point whose repetition is expected to gain more than measuring the new one, if any."""
        again = self.repetitions(new)
        if again is None:
            return None
        best = int(again.gains.argmax())
        gain = float(again.gains[best])
        return None if gain <= again.of_new else Candidate(self.tried_at(again.X[best]), gain, REPLICATION, new)

    def _best_again(self) -> Candidate | None:
        """Return the observed point whose repetition is expected to gain most, for lack of new points; None if none is.

        Only an A/B test measures again what it knows, because its status quo must be tried anyway.
        """
        again = None if self.arms is None else self.repetitions(None)
        if again is None:
            return None
        best = int(again.gains.argmax())
        return Candidate(self.tried_at(again.X[best]), float(again.gains[best]), REPLICATION)

    def shares(self, chosen: Sequence[Candidate]) -> list[float]:
        """Return the share of the traffic of each chosen arm of an A/B test.

        An arm that is measured again gets a multiple of the share of a new one: that with which the measurements of all
        arms are expected to raise the best mean most, each by itself.
        """
        assert self.arms is not None, "expected an A/B test"
        arms = replace(self.arms, count=len(self.arms.chosen) + len(chosen))
        again = [each.acquisition == REPLICATION for each in chosen]
        possible = [arms.shares(again, multiple) for multiple in (MULTIPLES if any(again) else MULTIPLES[:1])]
        if len(possible) == 1:
            return possible[0]
        return max(possible, key=lambda shares: self._gain_of(chosen, arms, shares))

    def _gain_of(self, chosen: Sequence[Candidate], arms: Arms, shares: Sequence[float]) -> float:
        """Return the sum of the expected gains of measuring these arms with such shares of the traffic."""
        x, sets = self._features([each.point for each in chosen]), self.posterior.set_count
        noise = x.new_tensor([arms.noise_of(share) for share in shares]).expand(sets, -1)
        known = self.model.data.X[self.incumbents]
        known = known[~(known.unsqueeze(1) == x).all(2).any(1)]
        points = torch.cat([x, known])
        of_points = torch.cat([noise, noise.new_ones(sets, len(known))], 1)
        gains = gains_in_best_mean(self.posterior, points, of_points, x[:0], noise[:, 0])
        return float(gains[: len(x)].sum())

    def _expected_gain(self, point: Point) -> float | None:
        """Return the expected improvement at a point over everything observed, outstanding and chosen."""
        if self.draws is None or not self.acquisition.against_best:
            return None
        measured = all(constraint.metric in self.beliefs for constraint in self.constraints)
        if not measured or not self.aim.has_rivals(self.draws.drawn, self.drawn_points):
            return None
        score = self.aim.improvement(self.drawn_points)
        return math.exp(float(AverageScore(self.draws, score).value(self._features([point]))))

    def _may_repeat(self) -> bool:
        if not (self.acquisition.may_repeat and self.aim.may_repeat):
            return False
        if self.arms is not None:
            return self.proposer.replication != "never"
        finite = self.encoding.size() is not None
        return self.proposer.replication == "always" or (self.proposer.replication == "auto" and finite)

    def tried_at(self, x: Tensor) -> Point:
        """Return the observed point of features x [d]; decoding could miss it by rounding and prevent pooling."""
        observed = self.model.observed
        return observed.trials[int((x == observed.X).all(1).nonzero()[0])].point

    def _noise_of_repetitions(self) -> Tensor:
        """Return the noise variances [M, u] that one more measurement at each distinct observed point would have."""
        noise = self.model.posterior.replicate_noise(self.model.data)
        return noise if self.arms is None else torch.full_like(noise, self.arms.noise_of(self.arms.share_of_each))

    def _free(self, places: Tensor) -> Tensor:
        """Return the incumbents [c] that may be repeated: those with the fixed values.

        In an A/B test, no arms of this batch and no stopped ones may.
        """
        if self.arms is None and self.agrees is None:
            return places
        here = set[PointKey]() if self.arms is None else self.arms.chosen | self.arms.stopped | self.chosen_here
        at = [self.tried_at(self.model.data.X[place].cpu()) for place in places]
        free = [key_of(point) not in here and (self.agrees is None or self.agrees(point)) for point in at]
        return places[torch.tensor(free, dtype=torch.bool)]

    def _unknown(self, asked: Asked) -> Sequence[Point]:
        """Return the points of this proposal that were chosen without the model, and whose values are unknown.

        That of the status quo of an A/B test is known from earlier batches.
        """
        if self.arms is None:
            return asked.chosen
        tried = {key_of(trial.point) for trial in self.model.observed.trials}
        return [point for point in asked.chosen if key_of(point) not in tried]

    def _features(self, points: Sequence[Point]) -> Tensor:
        return self.encoding.encode(points).to(self.model.device)

    def _new_seed(self) -> int:
        return int(torch.randint(2**62, (), generator=self.generator))

    def _draws(self, incumbents: Tensor) -> JointDraws | None:
        """Return the draws that the acquisition is averaged over; a single one, of the mean, if that suffices."""
        seed = self._new_seed()
        if self.utility is None:
            return None
        if not self.acquisition.against_best:
            points = self._draw_at(self.outstanding.points)
            if self.aim.limits is not None and len(self.aim.limits.baseline):
                return JointDraws(self.posteriors, points, self.proposer.draws, more=self.q, seed=seed)
            return JointDraws(self.posteriors, points, draws=1, more=self.q, seed=None)
        asked = self.aim.draws_for(self.proposer.draws, len(incumbents))
        draws = max(asked // self.posterior.set_count, _LEAST_DRAWS)
        points = self._draw_at(torch.cat([incumbents, self.outstanding.points]))
        parked, approval = len(self.outstanding.parked), self.outstanding.approval
        return JointDraws(self.posteriors, points, draws, more=self.q, seed=seed, parked=parked, approval=approval)

    def _opinion_of_feasible(self, opinion: SecondOpinion | None) -> SecondOpinion | None:
        """Return the opinion beside the best point that is more likely feasible than not; None without such a point.

        Points outside of the space do not count.
        """
        if opinion is None or (self.aim.limits is None and self.here is None):
            return opinion
        X = self.model.data.X
        counting = self._probability_feasible(X) > 0.5
        if self.here is not None:
            counting &= self.here.cpu()
        return opinion.among(X.cpu()[counting]) if bool(counting.any()) else None

    def _likely_feasible(self, places: Tensor) -> Tensor:
        """Return the incumbents [c] that are more likely feasible than not; the mean of others is no gain."""
        return places[self._probability_feasible(self.model.data.X[places]).to(places.device) > 0.5]

    def _probability_feasible(self, X: Tensor) -> Tensor:
        """Return the probabilities [b] that points X [b, d] meet all constraints."""
        if self.aim.limits is None:
            return torch.ones(len(X), dtype=torch.float64)
        return self.aim.limits.probabilities(self.posteriors, X).every

    def _draw_at(self, points: Tensor) -> Tensor:
        """Set and return the points [r, d] to draw: these, and the baseline if limits are relative to it."""
        self.drawn_points = self._with_baseline(points)
        return self.drawn_points

    def _with_baseline(self, points: Tensor) -> Tensor:
        return points if self.aim.limits is None else self.aim.limits.with_baseline(points)

    def _surface(self) -> Surface:
        if self.utility is None or self.draws is None:
            belief, target = self.posterior, None
            if isinstance(belief, DistanceBelief):
                belief, target = belief.metric, belief.target
            assert isinstance(belief, Posterior), "only the built-in surrogate has paths"
            return surface_of_path(SampledPath(belief, self._new_seed()), target)
        return surface_of_score(AverageScore(self.draws, self.aim.score(self.utility, self.drawn_points)))


def effort_of(proposer: BayesianProposer) -> Effort:
    """Return the effort of a search; with one-hot categories, walks are rounded as in older versions."""
    return Effort(proposer.restarts, proposer.raw_points, 1 if proposer.categories == "one_hot" else POLISHED)
