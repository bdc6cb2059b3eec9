"""The surrogate of a campaign: what was observed, encoded and standardised, and what is believed after it."""

from dataclasses import dataclass

import torch

from bo_core.bfgs import Array
from bo_core.encoding import Encoding
from bo_core.proposer import BayesianProposer
from bo_core.state import Observed
from bo_core.surrogate import Fit, Hyperparameters, LogPosterior, Posterior, Prior, TrainingData, fit
from bo_core.surrogate.average import draw_hyperparameters
from bo_core.surrogate.hyperparameters import Record, theta_of_record
from campaign import Campaign, History, ModelView

# A single fit of fewer observations gains nothing from a GPU (estimated, not measured here).
_LEAST_FOR_CUDA = 1000
# Under so many observations one set of hyperparameters is overconfident, and averaging costs little.
_AVERAGED_BELOW = 100
_SETS = 8


@dataclass(frozen=True)
class Model:
    """A fitted surrogate with the data that it was fitted to."""

    observed: Observed
    data: TrainingData
    posterior: Posterior
    fit: Fit

    @classmethod
    def of(
        cls,
        campaign: Campaign,
        view: ModelView,
        proposer: BayesianProposer,
        encoding: Encoding,
        generator: torch.Generator,
        warm: Record | None = None,
    ) -> "Model":
        """Fit to what a view holds, at least one observation; `warm` are hyperparameters recorded before."""
        observed = Observed.of(campaign, view, encoding)
        device = device_for(proposer, len(observed.trials))
        outcomes = observed.outcomes
        data = TrainingData.of(
            observed.X.to(device),
            outcomes.y.to(device),
            outcomes.variance.to(device),
            extra_noise=proposer.extra_noise,
        )
        averaged = _is_averaged(proposer, len(observed.trials))
        prior = Prior(encoding.d, proposer.prior)
        start = _warm_start(warm, encoding.d)
        fitted = fit(data, proposer.kernel, prior, generator, cold=proposer.starts, warm=start)
        theta = fitted.theta[None]
        if averaged:
            log_posterior = LogPosterior(data, proposer.kernel, prior, jitter=fitted.jitter)
            theta = draw_hyperparameters(log_posterior, fitted.theta, _SETS, generator)
        hyperparameters = Hyperparameters(torch.from_numpy(theta), encoding.d, proposer.kernel, fitted.jitter)
        return cls(observed, data, Posterior(data, hyperparameters), fitted)

    @property
    def device(self) -> torch.device:
        """Return where the model lives."""
        return self.data.X.device


def recorded_hyperparameters(history: History) -> Record | None:
    """Return the hyperparameters recorded with the last proposal that the model made."""
    by_model = [t for t in history.trials.values() if t.proposal.generator == "model"]
    if not by_model:
        return None
    provenance = max(by_model, key=lambda t: t.id).proposal.provenance
    return None if provenance is None else provenance.hyperparameters


def device_for(proposer: BayesianProposer, observations: int) -> torch.device:
    """Return the device that the proposer names; `auto` is CUDA where there is one and enough data to pay."""
    if proposer.device == "auto":
        return torch.device("cuda" if observations >= _LEAST_FOR_CUDA and torch.cuda.is_available() else "cpu")
    return torch.device(proposer.device)


def _is_averaged(proposer: BayesianProposer, observations: int) -> bool:
    if proposer.hyperparameters == "auto":
        return observations < _AVERAGED_BELOW
    return proposer.hyperparameters == "average"


def _warm_start(record: Record | None, d: int) -> Array | None:
    """Return one θ [h] of the recorded sets: their middle."""
    theta = None if record is None else theta_of_record(record, d)
    return None if theta is None else theta.mean(0).numpy()
