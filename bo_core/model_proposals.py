"""The model's proposals: fit, draw jointly what is not known yet, and choose one point after the other."""

from dataclasses import dataclass
from importlib.metadata import version

import torch
from torch import Tensor

from bo_core.acquisition import JointDraws, LogExpectedImprovement, could_be_best
from bo_core.encoding import Encoding, key_of
from bo_core.proposer import BayesianProposer
from bo_core.search import Effort, Surface, search, starting_points
from bo_core.state import Observed, encode_trials, seed_of, trials_without_value
from bo_core.surrogate import Posterior, fit
from bo_core.threads import FEW_THREADS, few_threads
from campaign import Campaign, History, Point, Proposal
from campaign.trial import Provenance

_LIBRARIES = {name: version(name) for name in ("torch", "gpytorch", "numpy", "scipy")}
_UTILITY = LogExpectedImprovement()


def model_proposals(
    campaign: Campaign,
    history: History,
    proposer: BayesianProposer,
    encoding: Encoding,
    chosen: list[Point],
    q: int,
) -> list[Proposal]:
    """Return q points of highest noisy expected improvement, each chosen in the light of the ones before.

    `chosen` are points that this proposal holds already. The history must hold an observation.
    """
    with few_threads():
        model = _fitted(campaign, history, proposer, encoding, chosen, q)
        effort = Effort(proposer.restarts, proposer.raw_points)
        taken = {key_of(t.point) for t in history.trials.values()} | {key_of(p) for p in chosen}
        near = list(model.near)
        proposals: list[Proposal] = []
        for i in range(q):
            pool = starting_points(encoding, effort, near, model.seed + i)
            point, value = search(encoding, model.surface(), pool, taken, effort, model.seed + i)
            x = encoding.encode([point]).to(model.device)
            proposals.append(Proposal(point=point, generator="model", provenance=_provenance(history, model, x, value)))
            taken.add(key_of(point))
            near.append(point)
            model.draws.add(x[0])
    return proposals


@dataclass(frozen=True)
class _Model:
    """A fitted surrogate with everything outstanding in its draws; `near` are points that could be best."""

    seed: int
    device: torch.device
    observed: Observed
    posterior: Posterior
    draws: JointDraws
    near: list[Point]

    def surface(self) -> Surface:
        """Return the acquisition for a search that lives on the CPU."""

        def value_and_gradient(X: Tensor) -> tuple[Tensor, Tensor]:
            value, gradient = self.draws.value_and_gradient(_UTILITY, X.to(self.device))
            return value.cpu(), gradient.cpu()

        return Surface(lambda X: self.draws.value(_UTILITY, X.to(self.device)).cpu(), value_and_gradient)


def _fitted(
    campaign: Campaign, history: History, proposer: BayesianProposer, encoding: Encoding, chosen: list[Point], q: int
) -> _Model:
    """Fit the surrogate and draw it jointly at what could be best, what has no value yet and what is chosen."""
    view, seed, device = history.model_view(), seed_of(campaign, history.next_trial), _device(proposer)
    generator = torch.Generator().manual_seed(seed)
    observed = Observed.of(campaign, view, encoding, device)
    posterior = Posterior(observed.data, fit(observed.data, generator, _warm_start(history)))
    incumbents = could_be_best(posterior, observed.data.X, generator)
    unknown = encode_trials(trials_without_value(view), encoding, device)
    points = torch.cat([observed.data.X[incumbents], unknown, encoding.encode(chosen).to(device)])
    draws = JointDraws(posterior, points, proposer.draws, more=q, seed=seed)
    return _Model(seed, device, observed, posterior, draws, [observed.trials[i].point for i in incumbents.tolist()])


def _provenance(history: History, model: _Model, x: Tensor, value: float) -> Provenance:
    view, hyperparameters = history.model_view(), model.posterior.hyperparameters
    mean, sd = model.posterior.marginal(x)
    return Provenance(
        seed=model.seed,
        observed=len(view.observed),
        pending=tuple(t.id for t in view.pending),
        hyperparameters=hyperparameters.as_record(),
        acquisition="log_noisy_expected_improvement",
        acquisition_value=value,
        predicted_mean=model.observed.outcomes.mean_in_units(float(mean)),
        predicted_sd=model.observed.outcomes.sd_in_units(float(sd)),
        jitter=max(hyperparameters.jitter, model.draws.jitter),
        device=model.device.type,
        threads=FEW_THREADS,
        libraries=_LIBRARIES,
    )


def _warm_start(history: History) -> dict[str, tuple[float, ...]] | None:
    """Return the hyperparameters recorded with the last proposal that the model made."""
    by_model = [t for t in history.trials.values() if t.proposal.generator == "model"]
    if not by_model:
        return None
    provenance = max(by_model, key=lambda t: t.id).proposal.provenance
    return None if provenance is None else provenance.hyperparameters


def _device(proposer: BayesianProposer) -> torch.device:
    if proposer.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(proposer.device)
