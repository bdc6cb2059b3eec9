"""Which points next: the entrance of the core, a pure function of what is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import torch

from bo_core.acquisition import JointDraws, LogExpectedImprovement, could_be_best
from bo_core.encoding import Encoding, key_of
from bo_core.proposer import AnyProposer, BayesianProposer, SobolProposer
from bo_core.search import Effort, Surface, search, starting_points
from bo_core.sobol import sobol_points
from bo_core.state import Observed, encode_trials, seed_of
from bo_core.surrogate import Posterior, fit
from bo_core.threads import FEW_THREADS, few_threads
from campaign import Campaign, History, ModelView, Point, Proposal, Trial
from campaign.trial import Provenance

_LEAST_OBSERVED_FOR_A_MODEL = 2
_LIBRARIES = ("torch", "gpytorch", "numpy", "scipy")


def propose(campaign: Campaign, history: History, proposer: AnyProposer, q: int) -> list[Proposal]:
    """Return the next `q` points to try, in the light of every observed and every pending trial.

    A pure function: the same campaign, history and proposer give the same points, bit for bit on the same
    CPU stack. First come the baseline and `start_with`, then a Sobol start, then the model's points, each of a
    batch knowing the ones before it. Raises CannotPropose where no point is left.
    """
    view = history.model_view()
    encoding = Encoding(campaign.parameters)
    first = history.next_trial
    proposals = _asked_for(campaign, history)[:q]
    taken = [t.point for t in history.trials.values()] + [p.point for p in proposals]
    spread = _spread_count(campaign, view, proposer, len(taken), q - len(proposals), encoding.k)
    points = sobol_points(encoding, campaign.seed, {key_of(p) for p in taken}, spread)
    proposals += [Proposal(point=p, generator="sobol", provenance=_seeded(campaign, first)) for p in points]
    more = q - len(proposals)
    if more and isinstance(proposer, BayesianProposer):
        proposals += _by_model(campaign, history, proposer, encoding, [p.point for p in proposals], more)
    return proposals


def _asked_for(campaign: Campaign, history: History) -> list[Proposal]:
    """Return the baseline and the `start_with` points that have not been proposed yet, in their order."""
    wanted = [Proposal(point=campaign.parameters.point(p), generator="manual") for p in campaign.start_with]
    if campaign.baseline is not None:
        wanted.insert(0, Proposal(point=campaign.parameters.point(campaign.baseline), generator="baseline"))
    known = {key_of(t.point) for t in history.trials.values()}
    return [p for p in wanted if key_of(p.point) not in known]


def _spread_count(
    campaign: Campaign, view: ModelView, proposer: AnyProposer, so_far: int, q: int, parameters: int
) -> int:
    """Return how many of the next q points come from the Sobol sequence."""
    if isinstance(proposer, SobolProposer) or len(view.observed) < _LEAST_OBSERVED_FOR_A_MODEL:
        return q
    return min(max(proposer.initial_points(parameters, campaign.budget.trials) - so_far, 0), q)


def _seeded(campaign: Campaign, trial: int) -> Provenance:
    return Provenance(seed=seed_of(campaign, trial))


@dataclass(frozen=True)
class _Model:
    """A fitted model with everything outstanding in its draws, and what it was made from."""

    observed: Observed
    posterior: Posterior
    draws: JointDraws
    near: list[Point]


def _by_model(
    campaign: Campaign,
    history: History,
    proposer: BayesianProposer,
    encoding: Encoding,
    chosen: Sequence[Point],
    q: int,
) -> list[Proposal]:
    """Return q points of highest noisy expected improvement, chosen one after the other."""
    view = history.model_view()
    seed = seed_of(campaign, history.next_trial)
    device = _device(proposer)
    utility = LogExpectedImprovement()
    effort = Effort(proposer.restarts, proposer.raw_points)
    taken = {key_of(t.point) for t in history.trials.values()} | {key_of(p) for p in chosen}
    with few_threads():
        model = _model(campaign, history, proposer, encoding, list(chosen), q)
        surface = Surface(
            lambda X: model.draws.value(utility, X.to(device)).cpu(),
            lambda X: tuple(part.cpu() for part in model.draws.value_and_gradient(utility, X.to(device))),  # pyright: ignore
        )
        proposals: list[Proposal] = []
        for i in range(q):
            pool = starting_points(encoding, effort, model.near + [p.point for p in proposals], seed + i)
            point, value = search(encoding, surface, pool, taken, effort, seed + i)
            x = encoding.encode([point]).to(device)
            mean, sd = model.posterior.marginal(x)
            provenance = Provenance(
                seed=seed,
                observed=len(view.observed),
                pending=tuple(t.id for t in view.pending),
                hyperparameters=model.posterior.hyperparameters.as_record(),
                acquisition="log_noisy_expected_improvement",
                acquisition_value=value,
                predicted_mean=model.observed.outcomes.mean_in_units(float(mean)),
                predicted_sd=model.observed.outcomes.sd_in_units(float(sd)),
                jitter=max(model.posterior.hyperparameters.jitter, model.draws.jitter),
                device=device.type,
                threads=FEW_THREADS,
                libraries={name: version(name) for name in _LIBRARIES},
            )
            proposals.append(Proposal(point=point, generator="model", provenance=provenance))
            taken.add(key_of(point))
            model.draws.add(x[0])
    return proposals


def _model(
    campaign: Campaign, history: History, proposer: BayesianProposer, encoding: Encoding, chosen: list[Point], q: int
) -> _Model:
    """Fit the surrogate and draw it jointly at what could be best, what is pending and what is chosen already."""
    view = history.model_view()
    seed = seed_of(campaign, history.next_trial)
    generator = torch.Generator().manual_seed(seed)
    device = _device(proposer)
    observed = Observed.of(campaign, view, encoding, device)
    posterior = Posterior(observed.data, fit(observed.data, generator, _warm_start(history)))
    incumbents = could_be_best(posterior, observed.data.X, generator)
    outstanding = torch.cat([encode_trials(view.pending, encoding, device), encoding.encode(chosen).to(device)])
    points = torch.cat([observed.data.X[incumbents], outstanding])
    draws = JointDraws(posterior, points, proposer.draws, more=q, seed=seed)
    near = [observed.trials[i].point for i in incumbents.tolist()]
    return _Model(observed, posterior, draws, near)


def _warm_start(history: History) -> dict[str, tuple[float, ...]] | None:
    """Return the hyperparameters recorded with the last proposal that the model made."""
    by_model: list[Trial] = [t for t in history.trials.values() if t.proposal.generator == "model"]
    if not by_model:
        return None
    provenance = max(by_model, key=lambda t: t.id).proposal.provenance
    return None if provenance is None else provenance.hyperparameters


def _device(proposer: BayesianProposer) -> torch.device:
    if proposer.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(proposer.device)
