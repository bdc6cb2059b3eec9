"""The observed points that could be the best feasible one."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from overnight.bo_core.acquisition.incumbents import BOUND_DEVIATIONS, most_hopeful, only, sampled
from overnight.bo_core.acquisition.limited.allowed import Allowed, lies_within, log_probability_within
from overnight.bo_core.surrogate import Belief

# Logarithms of the probability of being feasible: at a sure point it is closer to 0, and at a point that is hardly the
# best in any sample further below the highest one.
NEARLY_SURE, HARDLY = 1e-6, 12.0
# The points that are drawn if none is feasible in any sample.
MOST_HOPEFUL = 16
_LEAST_SD = 1e-7


def could_be_best_feasible(
    beliefs: Mapping[str, Belief],
    objective: str,
    allowed: Mapping[str, Allowed],
    X: Tensor,
    baseline: Tensor,
    generator: torch.Generator,
    samples: int = 1024,
    *,
    among: Tensor | None = None,
) -> Tensor:
    """Return the indices of those observed points X [n, d] that are the best feasible one in some joint sample.

    The most frequent ones come first. Samples of the metrics are independent of each other. If nothing is feasible in
    any sample, the points that come closest to it are returned: those with the highest probability. `baseline` [0 or 1,
    d] are the features of the baseline, to which limits may be relative. Only those `among` [n] count, if it is given.
    """
    promise = only(log_probability_of_all(beliefs, allowed, X, baseline), among)
    low, high = beliefs[objective].bounds_at_data(BOUND_DEVIATIONS)
    # A point that is feasible almost for sure beats all others whose upper bound lies below its lower bound.
    sure = promise > -NEARLY_SURE
    beaten = torch.zeros_like(sure)
    if bool(sure.any()):
        beaten = (high < low[:, sure].amax(1, keepdim=True)).all(0)
    hopeful = torch.nonzero(~beaten & (promise >= promise.max() - HARDLY)).squeeze(1)
    hopeful = most_hopeful(hopeful, high.mean(0) + promise)
    drawn = {
        name: sampled(belief, torch.cat([X[hopeful], baseline]), generator, samples) for name, belief in beliefs.items()
    }
    last = len(hopeful) if len(baseline) else None
    feasible = feasible_in_samples(drawn, allowed, last)[:, : len(hopeful)]
    values = drawn[objective][:, : len(hopeful)]
    some = feasible.any(1)
    if not bool(some.any()):
        return hopeful[promise[hopeful].argsort(descending=True, stable=True)[:MOST_HOPEFUL]]
    bests = values.masked_fill(~feasible, -torch.inf).argmax(1)[some]
    best, times = torch.unique(bests, return_counts=True)
    return hopeful[best[times.argsort(descending=True, stable=True)]]


def feasible_in_samples(drawn: Mapping[str, Tensor], allowed: Mapping[str, Allowed], baseline: int | None) -> Tensor:
    """Return which points [M, c, S] meet all limits in each sample of all metrics; `baseline` is a row of them."""
    feasible = torch.ones_like(next(iter(drawn.values())), dtype=torch.bool)
    for name, limits in allowed.items():
        feasible &= lies_within(drawn[name], *limits.ends(drawn[name], baseline))
    return feasible


def log_probability_of_all(
    beliefs: Mapping[str, Belief], allowed: Mapping[str, Allowed], X: Tensor, baseline: Tensor
) -> Tensor:
    """Return the logarithms [n] of the probability that points X [n, d] meet all limits, averaged over the sets."""
    total = None
    for name, limits in allowed.items():
        mean, sd = beliefs[name].marginal(X)
        at = beliefs[name].marginal(baseline)[0].unsqueeze(2) if len(baseline) else None
        low, high = limits.ends(mean.unsqueeze(2) if at is None else at, None if at is None else 0)
        found = log_probability_within(mean.unsqueeze(2), sd.clamp(min=_LEAST_SD).unsqueeze(2), low, high).value
        total = found if total is None else total + found
    assert total is not None, "expected a limit"
    return total.logsumexp(0).squeeze(1) - math.log(len(total))
