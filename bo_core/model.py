"""The surrogate of a campaign: encoded and standardised observations, and the posterior given them."""

import importlib
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from overnight.bo_core.data.state import Observed
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.search.bfgs import Array
from overnight.bo_core.settings.surrogates import GpytorchSurrogate
from overnight.bo_core.surrogate import (
    Belief,
    Fit,
    Hyperparameters,
    LogPosterior,
    Posterior,
    Prior,
    TrainingData,
    fit,
    fit_onward,
    keep,
)
from overnight.bo_core.surrogate.average import draw_hyperparameters, walk_numbers
from overnight.bo_core.surrogate.climbs import Start, StartEnd
from overnight.bo_core.surrogate.fit import cold_normals
from overnight.bo_core.surrogate.hyperparameters import theta_of_record
from overnight.bo_core.surrogate.leave_one_out import leave_one_out
from overnight.bo_core.tail_width import with_likeliest_tail
from overnight.campaign import History
from overnight.campaign.errors import CannotPropose, ModelFailed
from overnight.campaign.history.provenance import ModelCode, Prediction, Provenance

# A single fit of fewer observations gains nothing from a GPU (estimated, not measured here).
_LEAST_FOR_CUDA = 1000
# Warping adds two hyperparameters per length scale. To be used, it must predict left-out observations better by
# this many nats in total, and by this many per observation.
_FEWEST_FOR_WARPING, _MOST_FOR_ASKING = 30, 128
_GROWTH_FOR_WARPING, _GROWTH_FOR_A_SECOND_LOOK = 1.5, 1.1
_LEAST_GAIN_OF_WARPING, _LEAST_GAIN_EACH = 3.0, 0.1
# The fewest distinct observations that count as many. They are fitted again when they have grown by a twentieth.
_FEWEST_FOR_MANY, _GROWTH_FOR_ANOTHER_FIT = 512, 1.05


@dataclass(frozen=True)
class Model:
    """A surrogate with the data that it is conditioned on; `starts` record how it was fitted, if it was.

    `tail_width` is the width that was chosen by likelihood, or None. Standard deviations are `honest` if they are those
    of the metric even in a compressed tail; older versions did not provide that. `code` identifies a model of the
    campaign's own.
    """

    observed: Observed
    data: TrainingData
    posterior: Belief
    starts: tuple[StartEnd, ...] = ()
    tail_width: float | None = None
    honest: bool = True
    code: ModelCode | None = None

    @classmethod
    def of(
        cls,
        observed: Observed,
        proposer: BayesianProposer,
        generator: torch.Generator,
        last: Provenance | None = None,
        *,
        sets: int = 1,
    ) -> "Model":
        """Fit to the observations.

        Beliefs are averaged over `sets` of hyperparameters; a single one is the likeliest. `last` is the provenance
        of the model's last proposal.
        """
        observed, width = _with_plain_tails(observed, proposer), None
        if proposer.tails == "auto":
            observed, width = with_likeliest_tail(observed, proposer)
        data, honest = _data(observed, proposer), proposer.tails != "compressed"
        if isinstance(proposer.surrogate, GpytorchSurrogate):
            belief = _gpytorch().fitted(proposer.surrogate, observed.X, observed.outcomes, data.X)
            return cls(observed, data, belief, belief.starts, width, honest, belief.code)
        fitting = _Fitting(data, proposer, generator, last, observed.objective.metric, observed.noise_unit)
        found = fitting.best()
        return cls(observed, data, fitting.believed(found, sets), found.starts, width, honest)

    @classmethod
    def recalled(
        cls,
        observed: Observed,
        proposer: BayesianProposer,
        generator: torch.Generator,
        last: Provenance | None = None,
        *,
        record: Mapping[str, tuple[float, ...]],
        jitter: float,
        tail_width: float | None = None,
    ) -> "Model":
        """Return the model that `of` found, from its record.

        Nothing is fitted, but as many numbers are taken from the generator, so that later steps see the same numbers.
        """
        observed = _with_plain_tails(observed, proposer)
        if proposer.tails == "auto":
            observed = observed.with_tail_width(tail_width)
        data, honest = _data(observed, proposer), proposer.tails != "compressed"
        if isinstance(proposer.surrogate, GpytorchSurrogate):
            belief = _gpytorch().recalled(proposer.surrogate, observed.X, observed.outcomes, data.X, record)
            return cls(observed, data, belief, (), tail_width, honest, belief.code)
        theta = theta_of_record(record, data.groups.count)
        assert theta is not None, "expected hyperparameters of this space"
        fitting = _Fitting(data, proposer, generator, last, observed.objective.metric, observed.noise_unit)
        fitting.take_numbers(*theta.shape)
        hyperparameters = Hyperparameters(theta, data.groups.count, proposer.kernel, jitter)
        return cls(observed, data, Posterior.of(data, hyperparameters), (), tail_width, honest)

    @property
    def device(self) -> torch.device:
        """Return the device that holds the model."""
        return self.data.X.device

    def predicted(self, X: torch.Tensor) -> tuple[float, float]:
        """Return the mean and standard deviation at features X [1, d], in the metric's own unit."""
        mean, sd = map(float, self.posterior.averaged(X.to(self.device)))
        outcomes = self.observed.outcomes
        spread = outcomes.spread_in_units(mean, sd) if self.honest else outcomes.sd_in_units(sd)
        return outcomes.mean_in_units(mean), spread

    def interval(self, X: torch.Tensor) -> tuple[float, float]:
        """Return the interval that is believed to hold 90 % at features X [1, d], in the metric's own unit."""
        mean, sd = map(float, self.posterior.averaged(X.to(self.device)))
        return self.observed.outcomes.interval_in_units(mean, sd)

    def prediction(self, x: torch.Tensor) -> Prediction:
        """Return the belief about features x [1, d], in the metric's own unit."""
        (mean, sd), (low, high) = self.predicted(x), self.interval(x)
        return Prediction(mean=mean, sd=sd, low=low, high=high)


# The model of each metric, by the metric's name.
Beliefs = Mapping[str, Model]


class _Fitting:
    """The steps from data to beliefs, with the settings that they share."""

    def __init__(
        self,
        data: TrainingData,
        proposer: BayesianProposer,
        generator: torch.Generator,
        last: Provenance | None,
        metric: str,
        noise_unit: float,
    ) -> None:
        self.noise_unit = noise_unit
        self.data, self.proposer, self.generator = data, proposer, generator
        self.g = data.groups.count
        self.warm = _recorded(last, metric, self.g)
        self.before = 0 if last is None or self.warm is None else last.knew.observed
        self.now = int(data.replicates)

    def best(self) -> Fit:
        """Return the likeliest hyperparameters, with warped inputs if that pays; the `last` proposal's are one start.

        Whether warping pays is tested when the number of observations passes 30, and again each time it has grown by
        half; in between, the last answer holds. A second look at parameters that count for little is taken if there is
        no last proposal, and each time the number has grown by a tenth. Of many, a new fit is made each time the number
        has grown by a twentieth; in between, the last one holds if it still suits the data.
        """
        if self.data.many and not self._passes(_GROWTH_FOR_ANOTHER_FIT) and not self._asks():
            kept = self._kept()
            if kept is not None:
                return kept
        return self._plain_or_warped() if self._asks() else self._fitted(self.data, warped=self._begins_warped())

    def take_numbers(self, sets: int, h: int) -> None:
        """Take as many numbers from the generator as `best` and `believed` do, if the latter draws sets of size h."""
        cold_normals(self._prior(warped=self._begins_warped()), self.generator, self.proposer.starts)
        if sets > 1:
            walk_numbers(sets, h, self.generator)

    def _asks(self) -> bool:
        """Return whether to test now if warping pays."""
        if self.proposer.warping != "auto" or self.now < _FEWEST_FOR_WARPING:
            return False
        return self._passes(_GROWTH_FOR_WARPING)

    def _begins_warped(self) -> bool:
        """Return whether the fit from cold starts has warped inputs."""
        if self.proposer.warping != "auto" or self.now < _FEWEST_FOR_WARPING:
            return self.proposer.warping == "always"
        return not self._asks() and self.warm is not None and len(self.warm) > self.g + 1

    def _plain_or_warped(self) -> Fit:
        """Return the fit that predicts a part of the data better, continued on all of them."""
        u = len(self.data.y)
        count = min(u, _MOST_FOR_ASKING)
        part = self.data.part(torch.arange(count, device=self.data.X.device) * u // count)
        plain = self._fitted(part, warped=False)
        best = plain.contenders[0]
        start = Start(f"{best.name}, warped", _laid_out(best.theta, self._prior(warped=True)))
        warped = self._onward(part, replace(plain, contenders=(start,)), None, warped=True)
        gain = self._left_out(part, warped) - self._left_out(part, plain)
        pays = gain > max(_LEAST_GAIN_OF_WARPING, _LEAST_GAIN_EACH * count)
        # The end of the climb with warping is recorded even if warping does not pay.
        plain = replace(plain, starts=warped.starts)
        if count == u:
            return warped if pays else plain
        if pays:
            with suppress(ModelFailed):
                return self._onward(self.data, warped, self.warm, warped=True)
        return self._onward(self.data, plain, self.warm, warped=False)

    def _fitted(self, data: TrainingData, *, warped: bool) -> Fit:
        prior = self._prior(warped=warped)
        warm = None if self.warm is None else _laid_out(self.warm, prior)
        settings = self.proposer
        look = self._passes(_GROWTH_FOR_A_SECOND_LOOK)
        return fit(data, settings.kernel, prior, self.generator, cold=settings.starts, warm=warm, second_look=look)

    def _kept(self) -> Fit | None:
        """Return the last proposal's fit if it suits the data; takes as many numbers from the generator as a fit."""
        assert self.warm is not None, "expected hyperparameters of a last proposal"
        prior, kernel = self._prior(warped=self._begins_warped()), self.proposer.kernel
        kept = keep(self.data, kernel, prior, _laid_out(self.warm, prior))
        if kept is not None:
            cold_normals(prior, self.generator, self.proposer.starts)
        return kept

    def _onward(self, data: TrainingData, of_part: Fit, warm: Array | None, *, warped: bool) -> Fit:
        prior = self._prior(warped=warped)
        warm = None if warm is None else _laid_out(warm, prior)
        look = self._passes(_GROWTH_FOR_A_SECOND_LOOK)
        return fit_onward(data, self.proposer.kernel, prior, of_part, warm=warm, second_look=look)

    def _passes(self, growth: float) -> bool:
        """Return whether 30, or 30 times a power of `growth`, was passed since the last proposal."""

        def passed(observations: int) -> int:
            return int(math.log(max(observations, 1) / _FEWEST_FOR_WARPING) / math.log(growth) + 1e-9)

        return self.before < _FEWEST_FOR_WARPING or passed(self.before) != passed(self.now)

    def _prior(self, *, warped: bool) -> Prior:
        return Prior(self.g, self.proposer.prior, warped=warped, noise_unit=self.noise_unit)

    def _left_out(self, data: TrainingData, found: Fit) -> float:
        return leave_one_out(Posterior.of(data, self._hyperparameters(found.theta[None], found.jitter)))

    def believed(self, found: Fit, sets: int) -> Posterior:
        """Return the posterior with the likeliest hyperparameters, or averaged over several draws around them."""
        theta = found.theta[None]
        if sets > 1:
            prior = self._prior(warped=theta.shape[1] > self.g + 1)
            log_posterior = LogPosterior(self.data, self.proposer.kernel, prior, jitter=found.jitter)
            theta = draw_hyperparameters(log_posterior, found.theta, sets, self.generator)
        return Posterior.of(self.data, self._hyperparameters(theta, found.jitter))

    def _hyperparameters(self, theta: Array, jitter: float) -> Hyperparameters:
        return Hyperparameters(torch.from_numpy(theta), self.g, self.proposer.kernel, jitter)


def _with_plain_tails(observed: Observed, proposer: BayesianProposer) -> Observed:
    """Return the observations, with tails compressed as in older versions unless the proposer leaves them plain."""
    return observed.with_tail_width(None) if proposer.tails == "plain" else observed


def _gpytorch() -> Any:
    """Return the class of gpytorch beliefs; imported only if needed, because importing gpytorch takes seconds."""
    return importlib.import_module("overnight.bo_core.gpytorch_models.belief").GpytorchBelief


def _data(observed: Observed, proposer: BayesianProposer) -> TrainingData:
    """Return the observations as training data on the model's device."""
    outcomes, extra = observed.outcomes, proposer.extra_noise and not observed.exact
    data = TrainingData.of(observed.X, outcomes.y, outcomes.variance, observed.groups, extra_noise=extra)
    many = proposer.fits == "quick" and len(data.y) >= _FEWEST_FOR_MANY
    return replace(data, many=many).to(device_for(proposer, len(observed.trials)))


def last_made_by_model(history: History) -> Provenance | None:
    """Return the provenance of the model's last proposal; its hyperparameters are the next fit's warm start."""
    by_model = [t for t in history.trials.values() if t.proposal.generator in ("model", "checking")]
    return max(by_model, key=lambda t: t.id).proposal.provenance if by_model else None


def device_for(proposer: BayesianProposer, observations: int) -> torch.device:
    """Return the device that the proposer names; `auto` is CUDA if it is available and there is enough data to pay."""
    if proposer.device == "cuda" and not torch.cuda.is_available():
        raise CannotPropose("`proposer.device`: expected a CUDA device that torch can use, found none; use `auto`.")
    if proposer.device == "auto":
        return torch.device("cuda" if observations >= _LEAST_FOR_CUDA and torch.cuda.is_available() else "cpu")
    return torch.device(proposer.device)


def on_this_machine(proposer: BayesianProposer) -> BayesianProposer:
    """Return the proposer as it can run here: on the CPU if it names a CUDA device that is missing."""
    missing = proposer.device == "cuda" and not torch.cuda.is_available()
    return proposer.model_copy(update={"device": "cpu"}) if missing else proposer


def _recorded(last: Provenance | None, metric: str, g: int) -> Array | None:
    """Return one finite θ [h], the mean of the recorded sets, or None."""
    model = None if last is None else last.models.metrics.get(metric)
    sets = None if model is None else theta_of_record(model.hyperparameters, g)
    theta = None if sets is None else sets.mean(0).numpy()
    return theta if theta is not None and np.isfinite(theta).all() else None


def _laid_out(theta: Array, prior: Prior) -> Array:
    """Return θ [h'] as a start under a prior [h]: a θ found with warping can start a fit without it, and vice versa."""
    start = prior.location.copy()
    start[: len(theta)] = theta[: len(start)]
    return start
