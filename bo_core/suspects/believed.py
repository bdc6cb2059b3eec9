"""A model of the readings that are believed, and its errors in predicting each of them and the doubted ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.data.state import Observed
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.search.bfgs import Array
from overnight.bo_core.surrogate import Hyperparameters, Posterior, Prior, TrainingData, fit
from overnight.bo_core.surrogate.fit import LEAST_JITTER
from overnight.bo_core.surrogate.leave_one_out import errors_left_out

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Believed:
    """A model of these `rows` of the observations; all others are `doubted`.

    `left_out` [n'] are the errors in predicting each believed reading from the others, and `off` [k] those in
    predicting the doubted ones from the believed ones, in standard deviations. `value` is the log density of all
    measurements in their own unit, the prior of the hyperparameters `theta` [h] included.
    """

    rows: tuple[int, ...]
    doubted: tuple[int, ...]
    theta: Array
    left_out: Tensor
    off: Tensor
    value: float

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

        Outcomes are standardised without the doubted ones, and bad ones are drawn together over the narrowest width. A
        pure function of its arguments: the fit's start, if it is not `warm`, is the middle of the prior.
        """
        rows = tuple(i for i in range(len(observed.trials)) if i not in doubted)
        measured = [observed.measured[i] for i in rows]
        outcomes = Outcomes.of(measured, observed.objective, None if proposer.tails == "plain" else 1.0)
        X, extra = observed.X[list(rows)], proposer.extra_noise and not observed.exact
        data = TrainingData.single(X, outcomes.y, outcomes.variance, observed.groups, extra_noise=extra)
        theta, jitter, value = warm, LEAST_JITTER, -math.inf
        if theta is None or fitted:
            prior, generator = Prior(observed.groups.count, proposer.prior), torch.Generator().manual_seed(0)
            cold = 1 if warm is None else 0
            found = fit(data, proposer.kernel, prior, generator, cold=cold, warm=warm, second_look=False)
            theta, jitter, value = found.theta, found.jitter, found.value
        sets = Hyperparameters(torch.from_numpy(theta[None]), observed.groups.count, proposer.kernel, jitter)
        posterior = Posterior.of(data, sets)
        off, density = _of_doubted(observed, doubted, outcomes, posterior)
        value += float(outcomes.log_slopes.sum()) + density - len(observed.trials) * math.log(outcomes.unit)
        return cls(rows, tuple(doubted), theta, errors_left_out(posterior)[0], off, value)


def gains(off: Tensor) -> Tensor:
    """Return by how many nats [k] noise of its own makes a reading likelier that is off by so many deviations [k].

    The likeliest additional variance is max(0, r² − s²) for a residual r with a variance of s² (Ament et al. 2024).
    """
    size = off.abs().clamp(min=1.0)
    return 0.5 * (size**2 - 1.0) - size.log()


def _of_doubted(
    observed: Observed, doubted: Sequence[int], outcomes: Outcomes, posterior: Posterior
) -> tuple[Tensor, float]:
    """Return by how many standard deviations the doubted readings are off, and their density with noise of their own.

    Each is predicted from the believed ones, with the noise that it would have if it were believed.
    """
    if not doubted:
        return outcomes.y[:0], 0.0
    y, log_slopes = outcomes.placed([observed.measured[i].mean for i in doubted])
    known = observed.outcomes.variance[list(doubted)] * (observed.outcomes.scale / outcomes.scale) ** 2
    noise = torch.where(known.isnan(), posterior.hyperparameters.noise_variance, known)
    mean, sd = posterior.marginal(observed.X[list(doubted)])
    spread = (sd[0] ** 2 + noise).sqrt()
    off = (y - mean[0]) / spread
    density = gains(off) - 0.5 * off**2 - spread.log() - _HALF_LOG_2PI + log_slopes
    return off, float(density.sum())
