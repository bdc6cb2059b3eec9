"""A second model, of all outcomes uncompressed, that finds points hopeless.

Bad outcomes that are drawn together give little information about their neighbours. There the first model returns to
its prior, and it searches corners once little is left to gain at the optimum. The second model may explain the
objective as a smooth function whose range far exceeds the observed one, and extrapolates its slopes. It is not accurate
near the optimum and chooses no point. It is asked about the point that the search found; if that point is hopeless, the
search is repeated with all hopeless points weighted down.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from overnight.bo_core.data.state import Observed
from overnight.bo_core.numerics.tensor_of import tensor_of
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.search.surface import Surface
from overnight.bo_core.settings.surrogates import ExactSurrogate
from overnight.bo_core.surrogate import Hyperparameters, Posterior, Prior, TrainingData, fit
from overnight.bo_core.surrogate.fit import LEAST_JITTER
from overnight.bo_core.surrogate.hyperparameters import Record
from overnight.bo_core.surrogate.leave_one_out import errors_left_out
from overnight.campaign.errors import ModelFailed

# The prior standard deviation of the function, in standard deviations of the outcomes.
_RANGE = 10.0
# A point this many standard deviations below the best is hopeless, and its score falls by this many nats times the
# square of the excess.
_HOPELESS, _STEEPNESS = 3.0, 16.0
# The most observations that it is conditioned on, and the most that length scales and noise are learnt from.
_MOST_KNOWN, _MOST_FITTED = 256, 64


@dataclass(frozen=True)
class SecondOpinion:
    """The weight −16 max(−z − hopeless, 0)², z = (μ(x) − best) / √(s²(x) + noise) with the moments of `posterior`.

    `hopeless` is 3 or, if larger, the model's largest error, in standard deviations, in predicting an observation from
    the others: a model with such an error has no opinion on smaller deviations. `best` is the highest mean at an
    observation. With a `target`, μ is minus the distance of the mean from it.
    """

    posterior: Posterior
    best: float
    noise: float
    hopeless: float
    target: float | None = None

    @classmethod
    def fitted(cls, observed: Observed, proposer: BayesianProposer) -> "SecondOpinion | None":
        """Learn from the observations; None if the proposer ignores it or no outcome is far worse than the others.

        Also None if the fit fails, or if the campaign has a model of its own, which decides alone. A pure function of
        its arguments: the fit's starts come from a generator of its own.
        """
        alone = proposer.hopeless == "ignore" or not isinstance(proposer.surrogate, ExactSurrogate)
        plain = None if alone else _uncompressed(observed)
        if plain is None:
            return None
        data = _training_data(plain, proposer)
        part = data.part(_evenly(len(data.y), _MOST_FITTED))
        prior = Prior(data.groups.count, noise_unit=plain.noise_unit / _RANGE)
        try:
            found = fit(part, "matern52", prior, torch.Generator().manual_seed(0), cold=1)
        except ModelFailed:
            return None
        return cls._of(data, tensor_of(found.theta[None]), _target(plain))

    @classmethod
    def recalled(cls, observed: Observed, proposer: BayesianProposer, theta: Tensor) -> "SecondOpinion | None":
        """Return the model fitted to these observations, from its recorded θ [1, h]."""
        plain = _uncompressed(observed)
        return None if plain is None else cls._of(_training_data(plain, proposer), theta, _target(plain))

    @classmethod
    def _of(cls, data: TrainingData, theta: Tensor, target: float | None) -> "SecondOpinion":
        posterior = Posterior.of(data, Hyperparameters(theta, data.groups.count, "matern52", LEAST_JITTER))
        best, noise = float(_worth(posterior.means_at_data(), target).max()), float(posterior.noise.median())
        return cls(posterior, best, noise, max(_HOPELESS, float(errors_left_out(posterior).abs().max())), target)

    def among(self, X: Tensor) -> "SecondOpinion":
        """Return the opinion with the best of these points [b, d] as the best, because others are not feasible."""
        return replace(self, best=float(_worth(self.posterior.marginal(X)[0], self.target).max()))

    def finds_hopeless(self, x: Tensor) -> bool:
        """Return whether a point of features x [1, d] is hopeless."""
        return float(self.log_weight(x)) < 0.0

    def log_weight(self, X: Tensor) -> Tensor:
        """Return the term added to logarithms of scores [b] at features X [b, d]: 0 or less."""
        mean, sd = self.posterior.marginal(X)
        below = (self.best - _worth(mean, self.target)) / (sd.square() + self.noise).sqrt()
        return -_STEEPNESS * (below - self.hopeless).clamp(min=0.0).square()[0]

    def log_weight_and_gradient(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return that term and its gradient [b, d] at features X [b, d].

        With r² = s² + noise, ∇z = ∇μ/r − z ∇s²/2r².
        """
        mean, variance, by_mean, by_variance = self.posterior.marginal_with_gradients(X)
        total = variance + self.noise
        root = total.sqrt()
        if self.target is not None:
            by_mean = -(mean - self.target).sign().unsqueeze(2) * by_mean
        z = (_worth(mean, self.target) - self.best) / root
        beyond = (-z - self.hopeless).clamp(min=0.0)
        along = by_mean / root.unsqueeze(2) - by_variance * (0.5 * z / total).unsqueeze(2)
        return -_STEEPNESS * beyond.square()[0], (2.0 * _STEEPNESS * beyond.unsqueeze(2) * along)[0]

    def over(self, surface: Surface) -> Surface:
        """Return the surface with the weight added to it."""

        def both(X: Tensor) -> tuple[Tensor, Tensor]:
            value, gradient = surface.value_and_gradient(X)
            more, more_gradient = self.log_weight_and_gradient(X)
            return value + more, gradient + more_gradient

        def screen(X: Tensor) -> Tensor:
            # Starts are picked by the spread of scores, in which vast negative ones would hide all differences.
            value = surface.screen(X)
            return torch.maximum(value + self.log_weight(X), value.min())

        return replace(
            surface, value=lambda X: surface.value(X) + self.log_weight(X), value_and_gradient=both, screen=screen
        )

    def as_record(self) -> Record:
        """Return the bit-exact numbers from which it can be restored without a fit."""
        return self.posterior.hyperparameters.as_record()


def _worth(mean: Tensor, target: float | None) -> Tensor:
    """Return means, or minus their distances from a target, so that more is better."""
    return mean if target is None else -(mean - target).abs()


def _target(plain: Observed) -> float | None:
    """Return where the target lies in units of the function's standard deviation; None without one."""
    wanted = plain.outcomes.wanted
    return None if wanted is None else wanted.at / _RANGE


def _uncompressed(observed: Observed) -> Observed | None:
    """Return the observations without compressing their tail; None if they have no tail, or share errors."""
    if observed.batches is not None or observed.missing is not None:
        return None
    narrow = observed.with_tail_width(1.0)
    return None if narrow.outcomes.tail is None else narrow.with_tail_width(None)


def _training_data(plain: Observed, proposer: BayesianProposer) -> TrainingData:
    """Return evenly spaced observations in units of the function's standard deviation."""
    outcomes, rows = plain.outcomes, _evenly(len(plain.trials), _MOST_KNOWN)
    y, variance = outcomes.y[rows] / _RANGE, outcomes.variance[rows] / _RANGE**2
    extra = proposer.extra_noise and not plain.exact
    return TrainingData.of(plain.X[rows], y, variance, plain.groups, extra_noise=extra)


def _evenly(n: int, most: int) -> Tensor:
    """Return the indices of `most` of n, evenly spaced, or all if there are no more."""
    count = min(n, most)
    return torch.arange(count) * n // count
