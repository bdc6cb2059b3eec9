"""Fit a built-in Gaussian process to the observations of a metric, starting from the last proposal's fit."""

import math
from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch

from overnight.bo_core.numerics.tensor_of import tensor_of
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.search.bfgs import Array
from overnight.bo_core.surrogate import (
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
from overnight.bo_core.surrogate.climbs import Start
from overnight.bo_core.surrogate.errors import ErrorsName, count_of
from overnight.bo_core.surrogate.fit import cold_normals
from overnight.bo_core.surrogate.hyperparameters import errors_of_record, theta_of_record
from overnight.bo_core.surrogate.leave_one_out import leave_one_out
from overnight.campaign.errors import ModelFailed
from overnight.campaign.history.provenance import Provenance

# Warping adds two hyperparameters per length scale. To be used, it must predict left-out observations better by
# this many nats in total, and by this many per observation.
_FEWEST_FOR_WARPING, _MOST_FOR_ASKING = 30, 128
_GROWTH_FOR_WARPING, _GROWTH_FOR_A_SECOND_LOOK = 1.5, 1.1
_LEAST_GAIN_OF_WARPING, _LEAST_GAIN_EACH = 3.0, 0.1
# Many observations are fitted again when they have grown by a twentieth.
_GROWTH_FOR_ANOTHER_FIT = 1.05


class Fitting:
    """The steps from data to a belief, with the settings that they share; `last` is the provenance to start from."""

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
        self.errors: ErrorsName | None = None if data.errors is None else data.errors.kind
        self.warm = _recorded(last, metric, self.g, self.errors)
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
        return not self._asks() and self.warm is not None and self._is_warped(self.warm)

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
        settings = self.proposer
        return Prior(self.g, settings.prior, warped=warped, noise_unit=self.noise_unit, errors=self.errors)

    def _is_warped(self, theta: Array) -> bool:
        return len(theta) > self.g + 1 + count_of(self.data.errors)

    def _left_out(self, data: TrainingData, found: Fit) -> float:
        return leave_one_out(Posterior.of(data, self._hyperparameters(found.theta[None], found.jitter)))

    def believed(self, found: Fit, sets: int) -> Posterior:
        """Return the posterior with the likeliest hyperparameters, or averaged over several draws around them."""
        theta = found.theta[None]
        if sets > 1:
            prior = self._prior(warped=self._is_warped(found.theta))
            log_posterior = LogPosterior(self.data, self.proposer.kernel, prior, jitter=found.jitter)
            theta = draw_hyperparameters(log_posterior, found.theta, sets, self.generator)
        return Posterior.of(self.data, self._hyperparameters(theta, found.jitter))

    def _hyperparameters(self, theta: Array, jitter: float) -> Hyperparameters:
        return Hyperparameters(tensor_of(theta), self.g, self.proposer.kernel, jitter, self.errors)


def _recorded(last: Provenance | None, metric: str, g: int, errors: ErrorsName | None) -> Array | None:
    """Return one finite θ [h], the mean of the recorded sets, or None."""
    model = None if last is None else last.models.metrics.get(metric)
    if model is None or errors_of_record(model.hyperparameters) != errors:
        return None
    sets = theta_of_record(model.hyperparameters, g)
    theta = None if sets is None else sets.mean(0).numpy()
    return theta if theta is not None and np.isfinite(theta).all() else None


def _laid_out(theta: Array, prior: Prior) -> Array:
    """Return θ [h'] as a start under a prior [h]: a θ found with warping can start a fit without it, and vice versa."""
    start = prior.location.copy()
    start[: len(theta)] = theta[: len(start)]
    return start
