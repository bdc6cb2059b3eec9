"""A model of the readings that are believed, and its errors in predicting each of them and the doubted ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.data.state import Observed
from overnight.bo_core.numerics.tensor_of import tensor_of
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.search.bfgs import Array
from overnight.bo_core.surrogate import Hyperparameters, Posterior, Prior, TrainingData, fit
from overnight.bo_core.surrogate.fit import LEAST_JITTER
from overnight.bo_core.surrogate.leave_one_out import errors_left_out

# In robust spreads. Drawn together over a narrower width, glitches look too much like other bad results.
_TAIL_WIDTH = 4.0
# The most standard deviations by which two readings of one point differ if they agree.
_AGREE = 3.0
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Believed:
    """A model of these `rows` of the observations; all others are `doubted`.

    `left_out` [n'] are the errors in predicting each believed reading from the others, and `off` [k] those in
    predicting the doubted ones from the believed ones, in standard deviations. `beyond` [k] are the latter in standard
    deviations of a point without neighbours; neighbours explain a share of the variance that is `explained` [k].
    `value` is the log density of all measurements in their own unit, the prior of the hyperparameters `theta` [h]
    included. `y` and `noise` [n] are all readings and the variances of their noise, standardised. `worth` [n] are the
    readings so that more is better, and `off` is above 0 if a doubted reading is better than predicted.
    """

    rows: tuple[int, ...]
    doubted: tuple[int, ...]
    theta: Array
    left_out: Tensor
    off: Tensor
    beyond: Tensor
    explained: Tensor
    value: float
    y: Tensor
    noise: Tensor
    worth: Tensor

    def agree(self, i: int, j: int) -> bool:
        """Return whether two readings of one point differ by no more than their noise allows."""
        return bool((self.y[i] - self.y[j]).abs() <= _AGREE * (self.noise[i] + self.noise[j]).sqrt())

    @classmethod
    def of(
        cls,
        observed: Observed,
        proposer: BayesianProposer,
        doubted: Sequence[int] = (),
        warm: Array | None = None,
        *,
        fitted: bool = True,
    ) -> "Believed":
        """Return the likeliest model if these rows are doubted, or that with the hyperparameters `warm` [h].

        Outcomes are standardised without the doubted ones, and bad ones are drawn together. A pure function of its
        arguments: a fit starts from `warm` or from the middle of the prior.
        """
        rows = tuple(i for i in range(len(observed.trials)) if i not in doubted)
        measured = [observed.measured[i] for i in rows]
        outcomes = observed.standardised(measured, None if proposer.tails == "plain" else _TAIL_WIDTH)
        X, extra = observed.X[list(rows)], proposer.extra_noise and not observed.exact
        data = TrainingData.single(X, outcomes.y, outcomes.variance, observed.groups, extra_noise=extra)
        theta, jitter, value = warm, LEAST_JITTER, -math.inf
        if theta is None or fitted:
            prior, generator = Prior(observed.groups.count, proposer.prior), torch.Generator().manual_seed(0)
            cold = 1 if warm is None else 0
            found = fit(data, proposer.kernel, prior, generator, cold=cold, warm=warm, second_look=False)
            theta, jitter, value = found.theta, found.jitter, found.value
        sets = Hyperparameters(tensor_of(theta[None]), observed.groups.count, proposer.kernel, jitter)
        posterior = Posterior.of(data, sets)
        y, log_slopes = outcomes.placed([m.mean for m in observed.measured])
        noise = _noise(observed, outcomes.unit, log_slopes, float(sets.noise_variance), extra=extra)
        which = list(doubted)
        mean, sd = _predicted(posterior, observed.X[which])
        off = _errors(y[which] - mean, (sd**2 + noise[which]).sqrt())
        beyond = _errors(y[which] - mean, (1.0 + noise[which]).sqrt())
        value += _log_density(off, (sd**2 + noise[which]).sqrt())
        value += float((log_slopes - math.log(outcomes.unit)).sum())
        left_out, worth = errors_left_out(posterior)[0], outcomes.worth(y)
        if outcomes.wanted is not None:
            off = torch.where(worth[which] > outcomes.worth(mean), off.abs(), -off.abs())
        return cls(rows, tuple(doubted), theta, left_out, off, beyond, 1.0 - sd**2, value, y, noise, worth)


def gains(off: Tensor) -> Tensor:
    """Return by how many nats [k] noise of its own makes a reading likelier that is off by so many deviations [k].

    The likeliest additional variance is max(0, r² − s²) for a residual r with a variance of s² (Ament et al. 2024).
    """
    size = off.abs().clamp(min=1.0)
    return 0.5 * (size**2 - 1.0) - size.log()


def _noise(observed: Observed, unit: float, log_slopes: Tensor, inferred: float, *, extra: bool) -> Tensor:
    """Return the variances [n] of the noise of all readings, standardised."""
    sem = torch.tensor([math.nan if m.sem is None else m.sem / unit for m in observed.measured], dtype=torch.float64)
    known = (sem * log_slopes.exp()) ** 2
    return torch.where(known.isnan(), inferred, known + inferred * extra)


def _predicted(posterior: Posterior, X: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means and standard deviations [k] of the function at X [k, d]."""
    if not len(X):
        return X.new_zeros(0), X.new_zeros(0)
    mean, sd = posterior.marginal(X)
    return mean[0], sd[0]


def _errors(residual: Tensor, spread: Tensor) -> Tensor:
    """Return residuals [k] in units of their spread [k], finite however vast they are."""
    largest = torch.finfo(torch.float64).max
    return (residual / spread).clamp(-largest, largest)


def _log_density(off: Tensor, spread: Tensor) -> float:
    """Return the log density of readings that are off by so many spreads, each with the likeliest noise of its own."""
    size = off.abs()
    # Without the square of a vast error.
    log_density = -0.5 * size.clamp(max=1.0) ** 2 - size.clamp(min=1.0).log() - spread.log() - _HALF_LOG_2PI
    return float(log_density.sum())
