"""The model's proposals: fit, draw jointly what is not known yet, and choose one point after the other."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bo_core.acquisition import JointDraws, SampledPath, could_be_best, utility_of
from bo_core.acquisition.replication import gains_in_best_mean
from bo_core.encoding import Encoding, key_of
from bo_core.model import Model, last_made_by_model
from bo_core.pending import Outstanding, treat
from bo_core.proposer import BayesianProposer
from bo_core.search import Effort, Surface, search, starting_points
from bo_core.stack import stack
from bo_core.state import failed_points, seed_of
from bo_core.surfaces import surface_of_path, surface_of_utility
from bo_core.threads import threads_for
from campaign import Campaign, History, ModelView, Point, Proposal
from campaign.trial import Provenance

_LEAST_DRAWS = 32
_MOST_MEASURED_AGAIN = 16


def model_proposals(
    campaign: Campaign,
    history: History,
    proposer: BayesianProposer,
    encoding: Encoding,
    chosen: list[Point],
    q: int,
) -> list[Proposal]:
    """Return q points of highest acquisition value, each chosen in the light of the ones before.

    `chosen` are points that this proposal holds already. The history must hold an observation.
    """
    view = history.model_view()
    with torch.inference_mode(), threads_for(len(view.observed)) as threads:
        choice = _Choice(campaign, history, view, proposer, encoding, chosen, q)
        proposals: list[Proposal] = []
        for _ in range(q):
            point, value, acquisition = choice.next()
            provenance = choice.provenance(point, value, acquisition, threads)
            proposals.append(Proposal(point=point, generator="model", provenance=provenance))
        return proposals


class _Choice:
    """One proposal under way: the model, what is outstanding, which grows with each choice, and what is taken."""

    def __init__(
        self,
        campaign: Campaign,
        history: History,
        view: ModelView,
        proposer: BayesianProposer,
        encoding: Encoding,
        chosen: list[Point],
        q: int,
    ) -> None:
        self.encoding, self.proposer, self.view, self.q = encoding, proposer, view, q
        self.seed = seed_of(campaign, history.next_trial)
        self.generator = torch.Generator().manual_seed(self.seed)
        self.model = Model.of(
            campaign,
            view,
            proposer,
            encoding,
            self.generator,
            last_made_by_model(history),
            averaged=proposer.hyperparameters == "average",
        )
        treated = treat(proposer.pending, self.model, self._features([t.point for t in view.pending]))
        self.posterior = treated.posterior
        could_be = could_be_best(self.posterior, treated.X, self.generator)
        self.incumbents = could_be[could_be < len(self.model.data.X)]
        failed = self._features([t.point for t in failed_points(view)])
        self.outstanding = Outstanding(treated.drawn, failed).and_chosen(self._features(chosen))
        self.utility = utility_of(proposer)
        self.draws = self._draws(treated.X[could_be])
        self.taken = {key_of(t.point) for t in history.trials.values()} | {key_of(p) for p in chosen}
        self.near = treated.X[could_be].cpu()
        self.newest: Tensor | None = None

    def next(self) -> tuple[Point, float, str]:
        """Return the next point of the batch, what is expected of it and by which criterion."""
        if self.newest is not None and self.draws is not None:
            self.draws.add(self.newest)
        effort = Effort(self.proposer.restarts, self.proposer.raw_points)
        pool = starting_points(self.encoding, effort, self.near, self._new_seed())
        point, value = search(self.encoding, self._surface(), pool, self.taken, effort, self._new_seed())
        acquisition: str = self.proposer.acquisition
        again = self._worth_repeating(self._features([point]))
        if again is not None:
            (point, value), acquisition = again, "replication"
        self.taken.add(key_of(point))
        x = self._features([point])
        self.near = torch.cat([self.near, x.cpu()])
        self.outstanding, self.newest = self.outstanding.and_chosen(x), x[0]
        return point, value, acquisition

    def _features(self, points: Sequence[Point]) -> Tensor:
        return self.encoding.encode(points).to(self.model.device)

    def _new_seed(self) -> int:
        return int(torch.randint(2**62, (), generator=self.generator))

    def _draws(self, incumbents: Tensor) -> JointDraws | None:
        """Return the draws that the acquisition is averaged over; one, of the mean, for what does not need more."""
        seed = self._new_seed()
        if self.utility is None:
            return None
        if not self.utility.against_best:
            return JointDraws(self.posterior, self.outstanding.points, draws=1, more=self.q, seed=None)
        draws = max(self.proposer.draws // self.posterior.set_count, _LEAST_DRAWS)
        points = torch.cat([incumbents, self.outstanding.points])
        return JointDraws(self.posterior, points, draws, more=self.q, seed=seed)

    def _surface(self) -> Surface:
        if self.utility is None or self.draws is None:
            return surface_of_path(SampledPath(self.posterior, self._new_seed()))
        return surface_of_utility(self.draws, self.utility)

    def _worth_repeating(self, x: Tensor) -> tuple[Point, float] | None:
        """Return an observed point whose repetition is expected to gain more than measuring x [1, d], and that gain."""
        if not self._may_repeat():
            return None
        data, sigma2 = self.model.data, self.model.posterior.hyperparameters.noise_variance.to(x.device)
        noise = data.replicate_noise(sigma2)
        # What was measured exactly has nothing more to say.
        places = self.incumbents[(noise[:, self.incumbents] > 0).all(0)][:_MOST_MEASURED_AGAIN]
        if not len(places):
            return None
        typical = noise.median(1).values
        points, of_points = torch.cat([data.X[places], x]), torch.cat([noise[:, places], typical.unsqueeze(1)], 1)
        gains = gains_in_best_mean(self.posterior, points, of_points, self.outstanding.coming, typical)
        best = int(gains[:-1].argmax())
        if float(gains[best]) <= float(gains[-1]):
            return None
        return self._tried_at(points[best].cpu()), float(gains[best])

    def _may_repeat(self) -> bool:
        if self.proposer.acquisition != "log_noisy_expected_improvement":
            return False
        finite = self.encoding.size() is not None
        return self.proposer.replication == "always" or (self.proposer.replication == "auto" and finite)

    def _tried_at(self, x: Tensor) -> Point:
        """Return the observed point of features x [d]; decoding could miss it by rounding, and nothing be pooled."""
        observed = self.model.observed
        return observed.trials[int((x == observed.X).all(1).nonzero()[0])].point

    def provenance(self, point: Point, value: float, acquisition: str, threads: int) -> Provenance:
        """Return how the point was chosen."""
        model, outcomes = self.model, self.model.observed.outcomes
        mean, sd = model.posterior.averaged(self.encoding.encode([point]).to(model.device))
        return Provenance(
            seed=self.seed,
            observed=len(self.view.observed),
            pending=tuple(t.id for t in self.view.pending),
            hyperparameters=model.posterior.hyperparameters.as_record(),
            starts={
                f"{s.name}, {s.observations} observations": f"{s.ending} at {s.value:.6g}" for s in model.fit.starts
            },
            acquisition=acquisition,
            acquisition_value=value,
            predicted_mean=outcomes.mean_in_units(float(mean)),
            predicted_sd=outcomes.sd_in_units(float(sd)),
            jitter=max(model.fit.jitter, 0.0 if self.draws is None else self.draws.jitter),
            device=model.device.type,
            threads=threads,
            libraries=stack(),
        )
