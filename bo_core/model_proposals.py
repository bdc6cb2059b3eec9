"""The model's proposals: fit, draw jointly what is not known yet, and choose one point after the other."""

from importlib.metadata import version

import torch
from torch import Tensor

from bo_core.acquisition import JointDraws, SampledPath, could_be_best, utility_of
from bo_core.acquisition.replication import gains_in_best_mean
from bo_core.encoding import Encoding, key_of
from bo_core.model import Model, last_made_by_model
from bo_core.pending import treat
from bo_core.proposer import BayesianProposer
from bo_core.search import Effort, Surface, search, starting_points
from bo_core.state import encode_trials, seed_of, trials_without_value
from bo_core.surfaces import surface_of_path, surface_of_utility
from bo_core.threads import threads_for
from campaign import Campaign, History, Point, Proposal
from campaign.trial import Provenance

_LIBRARIES = {name: version(name) for name in ("torch", "gpytorch", "numpy", "scipy")}
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
    with torch.inference_mode(), threads_for(len(history.model_view().observed)) as threads:
        choice = _Choice(campaign, history, proposer, encoding, chosen, q)
        proposals: list[Proposal] = []
        for i in range(q):
            point, value, acquisition = choice.next(i)
            provenance = choice.provenance(point, value, acquisition, threads)
            proposals.append(Proposal(point=point, generator="model", provenance=provenance))
        return proposals


class _Choice:
    """One proposal under way: the model, the joint draws that grow with each choice, and what is taken."""

    def __init__(
        self,
        campaign: Campaign,
        history: History,
        proposer: BayesianProposer,
        encoding: Encoding,
        chosen: list[Point],
        q: int,
    ) -> None:
        self.encoding, self.proposer, self.view = encoding, proposer, history.model_view()
        self.seed = seed_of(campaign, history.next_trial)
        generator = torch.Generator().manual_seed(self.seed)
        self.model = Model.of(campaign, self.view, proposer, encoding, generator, last_made_by_model(history))
        device = self.model.device
        unknown = encode_trials(trials_without_value(self.view), encoding).to(device)
        pending, failed = unknown[: len(self.view.pending)], unknown[len(self.view.pending) :]
        treated = treat(proposer.pending, self.model, pending)
        self.posterior = treated.posterior
        could_be = could_be_best(self.posterior, treated.X, generator)
        self.incumbents = could_be[could_be < len(self.model.data.X)]
        self.outstanding = torch.cat([treated.drawn, failed, encoding.encode(chosen).to(device)])
        draws = max(proposer.draws // self.posterior.M, _LEAST_DRAWS)
        self.utility = utility_of(proposer)
        compared = self.utility is not None and self.utility.against_best
        points = torch.cat([treated.X[could_be], self.outstanding]) if compared else self.outstanding
        self.draws = JointDraws(self.posterior, points, draws, more=q, seed=self.seed)
        self.taken = {key_of(t.point) for t in history.trials.values()} | {key_of(p) for p in chosen}
        self.near = treated.X[could_be].cpu()

    def next(self, i: int) -> tuple[Point, float, str]:
        """Return the i-th point of the batch, what is expected of it and by which criterion."""
        effort = Effort(self.proposer.restarts, self.proposer.raw_points)
        pool = starting_points(self.encoding, effort, self.near, self.seed + i)
        point, value = search(self.encoding, self._surface(i), pool, self.taken, effort, self.seed + i)
        x = self.encoding.encode([point])
        again = self._worth_repeating(x.to(self.model.device))
        acquisition: str = self.proposer.acquisition
        if again is not None:
            point, value = again
            x, acquisition = self.encoding.encode([point]), "replication"
        self.taken.add(key_of(point))
        self.near = torch.cat([self.near, x])
        x = x.to(self.model.device)
        self.outstanding = torch.cat([self.outstanding, x])
        self.draws.add(x[0])
        return point, value, acquisition

    def _surface(self, i: int) -> Surface:
        if self.utility is None:
            return surface_of_path(SampledPath(self.posterior, self.seed + i))
        return surface_of_utility(self.draws, self.utility)

    def _worth_repeating(self, x: Tensor) -> tuple[Point, float] | None:
        """Return an observed point whose repetition is expected to gain more than measuring x [1, d], and that gain."""
        if not self.proposer.replication or self.proposer.acquisition != "log_noisy_expected_improvement":
            return None
        data, places = self.model.data, self.incumbents[:_MOST_MEASURED_AGAIN]
        sigma2 = self.model.posterior.hyperparameters.noise_variance.to(x.device)
        noise = data.replicate_noise(sigma2)
        again = noise[:, places]
        if not bool((again > 0).any()):
            return None
        points = torch.cat([data.X[places], x])
        typical = noise.median(1).values
        noise = torch.cat([again, typical.unsqueeze(1)], 1)
        gains = gains_in_best_mean(self.posterior, points, noise, self.outstanding, typical)
        best = int(gains[:-1].argmax())
        if float(gains[best]) <= float(gains[-1]):
            return None
        return self._tried_at(points[best].cpu()), float(gains[best])

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
            jitter=max(model.fit.jitter, self.draws.jitter),
            device=model.device.type,
            threads=threads,
            libraries=_LIBRARIES,
        )
