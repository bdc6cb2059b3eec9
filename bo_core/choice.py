"""Choose a batch point by point, each in the light of the ones before it; a point may be one to measure again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from overnight.bo_core.acquisition import (
    AverageScore,
    JointDraws,
    OneObjective,
    SampledPath,
    Utility,
    could_be_best,
    utility_of,
)
from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.acquisition.replication import gains_in_best_mean
from overnight.bo_core.acquisition.surfaces import surface_of_path, surface_of_score
from overnight.bo_core.data.encoding import Encoding, key_of
from overnight.bo_core.data.inside import view_inside
from overnight.bo_core.data.situation import Situation
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.model import Beliefs
from overnight.bo_core.pending import Outstanding, treat
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.search.climb import Effort, Surface, search, starting_points
from overnight.bo_core.settings.acquisitions import ACQUISITIONS
from overnight.bo_core.surrogate import Belief, Posterior
from overnight.bo_core.weights.expected_cost import share_of_cost
from overnight.bo_core.weights.second_opinion import SecondOpinion
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import Campaign, History, ModelView, Point

_LEAST_DRAWS = 32
_MOST_MEASURED_AGAIN = 16


@dataclass(frozen=True)
class Asked:
    """What the model is asked for: `q` points beside those that the same proposal has `chosen` without it."""

    campaign: Campaign
    history: History
    proposer: BayesianProposer
    encoding: Encoding
    chosen: Sequence[Point]
    q: int

    @cached_property
    def view(self) -> ModelView:
        """Return what the model may know."""
        return view_inside(self.campaign, self.history)

    @cached_property
    def situation(self) -> Situation:
        """Return what the model may know, as tensors."""
        learn_noise = self.proposer.repeats == "learn"
        return Situation.of(self.campaign, self.view, self.encoding, learn_noise=learn_noise)

    @property
    def seed(self) -> int:
        """Return what all random numbers of the batch come from."""
        return seed_of(self.campaign, self.history.next_trial)

    @property
    def share_of_cost(self) -> float:
        """Return how much costs count, see `expected_cost`."""
        return share_of_cost(self.campaign, self.history, self.proposer)


@dataclass(frozen=True)
class Candidate:
    """A point with its value under an acquisition; a repetition names the new point that it was preferred to.

    `gain` is by how much the new point is expected to improve on the best, None where the acquisition does not compare.
    """

    point: Point
    value: float
    acquisition: str
    instead_of: Point | None = None
    gain: float | None = None


@dataclass(frozen=True)
class Prepared:
    """The surface on which one point of the batch is looked for, and the seeds of the search."""

    surface: Surface
    pool_seed: int
    search_seed: int


@dataclass(frozen=True)
class Repetitions:
    """What a measurement again is expected to gain at observed features `X` [c, d], `gains` [c], and a new point.

    Gains are weighted as scores are, the new one's also by the probability that there will be a result.
    """

    X: Tensor
    gains: Tensor
    of_new: float

    def gain_at(self, x: Tensor) -> float | None:
        """Return what a measurement again at features x [d] is expected to gain, None where it is not thought of."""
        found = (x.to(self.X) == self.X).all(1).nonzero()
        return float(self.gains[int(found[0])]) if len(found) else None


class Choice:
    """One batch: what is believed, what is outstanding, which grows with each choice, and what is taken.

    The generator is where a fit of the model left it. Each point begins with `prepared` and ends with `take`; between
    them, `searched` and `repetitions` may be asked for. A second `opinion` may find the best point hopeless.
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
        self.model, self.generator = beliefs[self.objective], generator
        self.weighting, self.opinion = weighting, opinion
        situation, device = asked.situation, self.model.device
        pending = situation.pending.to(device)
        treated = {metric: treat(self.proposer.pending, model, pending) for metric, model in beliefs.items()}
        self.posteriors = {metric: each.posterior for metric, each in treated.items()}
        of_objective = treated[self.objective]
        could_be = could_be_best(self.posterior, of_objective.X, self.generator)
        self.incumbents = could_be[could_be < len(self.model.data.X)]
        # Also if failures are learnt from: a single one may be taken for noise, and its neighbours must not be tried.
        failed, parked = situation.without_value.to(device), situation.parked.to(device)
        outstanding = Outstanding(of_objective.drawn, failed, parked, situation.approval)
        self.outstanding = outstanding.and_chosen(self._features(asked.chosen))
        self.acquisition, self.utility = ACQUISITIONS[self.proposer.acquisition], utility_of(self.proposer)
        self.draws = self._draws(of_objective.X[could_be])
        self.taken = {key_of(t.point) for t in asked.history.trials.values()} | {key_of(p) for p in asked.chosen}
        self.near = of_objective.X[could_be].cpu()
        self.newest: Tensor | None = None

    @property
    def posterior(self) -> Belief:
        """Return what is believed of the objective, made-up outcomes of pending trials included."""
        return self.posteriors[self.objective]

    def next(self) -> Candidate:
        """Return the next point of the batch, which is taken from then on."""
        new = self.searched(self.prepared())
        chosen = replace(self._worth_repeating(new.point) or new, gain=self._expected_gain(new.point))
        self.take(chosen.point)
        return chosen

    def prepared(self) -> Prepared:
        """Return where the next point of the batch is looked for."""
        if self.newest is not None and self.draws is not None:
            self.draws.add(self.newest)
        pool_seed = self._new_seed()
        return Prepared(self.weighting.over(self._surface()), pool_seed, self._new_seed())

    def searched(self, at: Prepared) -> Candidate:
        """Return the point of highest value that is new; if it is hopeless, that of highest score."""
        found = self._best_on(at.surface, at)
        if self.opinion is None or not self.opinion.finds_hopeless(self.encoding.encode([found.point])):
            return found
        return self._best_on(self.opinion.over(at.surface), at)

    def score(self, at: Prepared, point: Point) -> float:
        """Return the value of a point there, less if it is hopeless."""
        surface = at.surface if self.opinion is None else self.opinion.over(at.surface)
        return float(surface.value(self.encoding.encode([point]))[0])

    def _best_on(self, surface: Surface, at: Prepared) -> Candidate:
        effort = Effort(self.proposer.restarts, self.proposer.raw_points)
        pool = starting_points(self.encoding, effort, self.near, at.pool_seed)
        point, value = search(self.encoding, surface, pool, self.taken, effort, at.search_seed)
        return Candidate(point, value, self.proposer.acquisition)

    def take(self, point: Point) -> None:
        """Let a point be one of the batch."""
        self.taken.add(key_of(point))
        x = self._features([point])
        self.near = torch.cat([self.near, x.cpu()])
        self.outstanding, self.newest = self.outstanding.and_chosen(x), x[0]

    def repetitions(self, new: Point) -> Repetitions | None:
        """Return what measurements of observed points are expected to gain beside a new one; None if none may be."""
        if not self._may_repeat():
            return None
        x = self._features([new])
        data = self.model.data
        noise = self.model.posterior.replicate_noise(data)
        # What was measured exactly has nothing more to say.
        places = self.incumbents[(noise[:, self.incumbents] > 0).all(0)][:_MOST_MEASURED_AGAIN]
        if not len(places):
            return None
        typical = noise.median(1).values
        points, of_points = torch.cat([data.X[places], x]), torch.cat([noise[:, places], typical.unsqueeze(1)], 1)
        gains = gains_in_best_mean(self.posterior, points, of_points, self.outstanding.coming, typical)
        again = points[:-1].cpu()
        # Where there was a result, there may be another; at the new point there may be none. Both cost.
        of_new = float(gains[-1] * self.weighting.log(x.cpu()).exp())
        return Repetitions(again, gains[:-1] * self.weighting.log_of_cost(again).exp(), of_new)

    def _worth_repeating(self, new: Point) -> Candidate | None:
        """Return an observed point whose repetition is expected to gain more than measuring the new one, if any."""
        again = self.repetitions(new)
        if again is None:
            return None
        best = int(again.gains.argmax())
        gain = float(again.gains[best])
        return None if gain <= again.of_new else Candidate(self.tried_at(again.X[best]), gain, "replication", new)

    def _expected_gain(self, point: Point) -> float | None:
        """Return the expected improvement at a point, beyond what is observed, outstanding and chosen."""
        if self.draws is None or not self.acquisition.against_best:
            return None
        return math.exp(float(self._average(self.draws, LogExpectedImprovement()).value(self._features([point]))))

    def _may_repeat(self) -> bool:
        if not self.acquisition.may_repeat:
            return False
        finite = self.encoding.size() is not None
        return self.proposer.replication == "always" or (self.proposer.replication == "auto" and finite)

    def tried_at(self, x: Tensor) -> Point:
        """Return the observed point of features x [d]; decoding could miss it by rounding, and nothing be pooled."""
        observed = self.model.observed
        return observed.trials[int((x == observed.X).all(1).nonzero()[0])].point

    def _features(self, points: Sequence[Point]) -> Tensor:
        return self.encoding.encode(points).to(self.model.device)

    def _new_seed(self) -> int:
        return int(torch.randint(2**62, (), generator=self.generator))

    def _draws(self, incumbents: Tensor) -> JointDraws | None:
        """Return the draws that the acquisition is averaged over; one, of the mean, for what does not need more."""
        seed = self._new_seed()
        if self.utility is None:
            return None
        if not self.acquisition.against_best:
            return JointDraws(self.posteriors, self.outstanding.points, draws=1, more=self.q, seed=None)
        draws = max(self.proposer.draws // self.posterior.set_count, _LEAST_DRAWS)
        points = torch.cat([incumbents, self.outstanding.points])
        parked, approval = len(self.outstanding.parked), self.outstanding.approval
        return JointDraws(self.posteriors, points, draws, more=self.q, seed=seed, parked=parked, approval=approval)

    def _average(self, draws: JointDraws, utility: Utility) -> AverageScore:
        return AverageScore(draws, OneObjective(self.objective, utility))

    def _surface(self) -> Surface:
        if self.utility is None or self.draws is None:
            assert isinstance(self.posterior, Posterior), "only the built-in surrogate has paths"
            return surface_of_path(SampledPath(self.posterior, self._new_seed()))
        return surface_of_score(self._average(self.draws, self.utility))
