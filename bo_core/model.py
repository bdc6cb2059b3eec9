"""The surrogate of a campaign: what was observed, encoded and standardised, and what is believed after it."""

from dataclasses import dataclass

import numpy as np
import torch

from bo_core.bfgs import Array
from bo_core.encoding import Encoding
from bo_core.proposer import BayesianProposer
from bo_core.state import Observed
from bo_core.surrogate import Fit, Hyperparameters, LogPosterior, Posterior, Prior, TrainingData, fit
from bo_core.surrogate.average import draw_hyperparameters
from bo_core.surrogate.hyperparameters import Record, theta_of_record
from bo_core.surrogate.leave_one_out import leave_one_out
from campaign import Campaign, History, ModelView

# A single fit of fewer observations gains nothing from a GPU (estimated, not measured here).
_LEAST_FOR_CUDA = 1000
# Under so many observations one set of hyperparameters is overconfident, and averaging costs little.
_AVERAGED_BELOW = 100
_SETS = 8
# Warping has two more hyperparameters a feature; it has to predict what was left out better by so many nats in all
# and each.
_FEWEST_FOR_WARPING, _MOST_FOR_WARPING = 30, 500
_LEAST_GAIN_OF_WARPING, _LEAST_GAIN_EACH = 3.0, 0.1


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
        fitting = _Fitting(data, proposer, generator)
        plain = fitting.fitted(Prior(encoding.d, proposer.prior), _warm_start(warm, encoding.d))
        if not _may_warp(proposer, len(observed.trials)):
            return cls(observed, data, *fitting.believed(plain))
        start = np.concatenate([plain.theta, np.zeros(2 * encoding.d)])
        warped = fitting.fitted(Prior(encoding.d, proposer.prior, warped=True), start, cold=0)
        gain = fitting.left_out(warped) - fitting.left_out(plain)
        enough = max(_LEAST_GAIN_OF_WARPING, _LEAST_GAIN_EACH * len(observed.trials))
        better = warped if proposer.warping == "always" or gain > enough else plain
        return cls(observed, data, *fitting.believed(better))

    @property
    def device(self) -> torch.device:
        """Return where the model lives."""
        return self.data.X.device


class _Fitting:
    """The steps from data to beliefs, with the settings that they share."""

    def __init__(self, data: TrainingData, proposer: BayesianProposer, generator: torch.Generator) -> None:
        self.data, self.proposer, self.generator = data, proposer, generator
        self.d = data.X.shape[1]

    def fitted(self, prior: Prior, warm: Array | None, cold: int | None = None) -> Fit:
        """Return the likeliest hyperparameters under a prior."""
        cold = self.proposer.starts if cold is None else cold
        return fit(self.data, self.proposer.kernel, prior, self.generator, cold=cold, warm=warm)

    def left_out(self, found: Fit) -> float:
        """Return how well each observation is predicted from the others."""
        return leave_one_out(self._posterior(found.theta[None], found.jitter))

    def believed(self, found: Fit) -> tuple[Posterior, Fit]:
        """Return what is believed with the likeliest hyperparameters, or averaged over draws from around them."""
        theta = found.theta[None]
        if _is_averaged(self.proposer, int(self.data.replicates)):
            prior = Prior(self.d, self.proposer.prior, warped=theta.shape[1] > self.d + 1)
            log_posterior = LogPosterior(self.data, self.proposer.kernel, prior, jitter=found.jitter)
            theta = draw_hyperparameters(log_posterior, found.theta, _SETS, self.generator)
        return self._posterior(theta, found.jitter), found

    def _posterior(self, theta: Array, jitter: float) -> Posterior:
        hyperparameters = Hyperparameters(torch.from_numpy(theta), self.d, self.proposer.kernel, jitter)
        return Posterior(self.data, hyperparameters)


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


def _may_warp(proposer: BayesianProposer, observations: int) -> bool:
    if proposer.warping == "auto":
        return _FEWEST_FOR_WARPING <= observations <= _MOST_FOR_WARPING
    return proposer.warping == "always"


def _warm_start(record: Record | None, d: int) -> Array | None:
    """Return one θ [d + 1] of the recorded sets: their middle, without the warping."""
    theta = None if record is None else theta_of_record(record, d)
    return None if theta is None else theta.mean(0)[: d + 1].numpy()
