"""The observed points that could be on the front."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from overnight.bo_core.acquisition.front.boxes import on_front
from overnight.bo_core.acquisition.incumbents import BOUND_DEVIATIONS, only, sampled
from overnight.bo_core.acquisition.limited import (
    HARDLY,
    MOST_HOPEFUL,
    NEARLY_SURE,
    Allowed,
    feasible_in_samples,
    log_probability_of_all,
)
from overnight.bo_core.surrogate import Belief

# The most points that are sampled, and the most that are drawn: those most often on the front of a sample.
_MOST_SAMPLED, _MOST = 128, 64


def could_be_on_front(
    beliefs: Mapping[str, Belief],
    objectives: Sequence[str],
    allowed: Mapping[str, Allowed],
    X: Tensor,
    baseline: Tensor,
    generator: torch.Generator,
    samples: int = 256,
    *,
    among: Tensor | None = None,
) -> Tensor:
    """Return the indices of observed points X [n, d] that are on the feasible front in some joint sample.

    The most frequent ones come first. Samples of the metrics are independent of each other. If nothing is feasible in
    any sample, the points with the highest probability are returned. `baseline` [0 or 1, d] are the features of the
    baseline, to which limits may be relative. Only those `among` [n] count, if it is given.
    """
    promise = log_probability_of_all(beliefs, allowed, X, baseline) if allowed else X.new_zeros(len(X))
    promise = only(promise, among)
    hopeful = _hopeful([beliefs[name] for name in objectives], promise, X)
    points = torch.cat([X[hopeful], baseline])
    drawn = {name: sampled(belief, points, generator, samples) for name, belief in beliefs.items()}
    feasible = feasible_in_samples(drawn, allowed, len(hopeful) if len(baseline) else None)[:, : len(hopeful)]
    values = [drawn[name][:, : len(hopeful)].mT for name in objectives]
    times = on_front(values, feasible.mT).sum((0, 1))
    if not bool(times.any()):
        return hopeful[promise[hopeful].argsort(descending=True, stable=True)[:MOST_HOPEFUL]]
    order = times.argsort(descending=True, stable=True)[:_MOST]
    return hopeful[order[times[order] > 0]]


def _hopeful(beliefs: Sequence[Belief], promise: Tensor, X: Tensor) -> Tensor:
    """Return the indices of the points that surely feasible ones do not surely dominate, in ascending order.

    Of very many, those are kept whose means, or else chances to be feasible, fewer others beat.
    """
    moments = [belief.marginal(X) for belief in beliefs]
    low = torch.stack([(mean - BOUND_DEVIATIONS * sd).amin(0) for mean, sd in moments])
    high = torch.stack([(mean + BOUND_DEVIATIONS * sd).amax(0) for mean, sd in moments])
    sure = promise > -NEARLY_SURE
    beaten = (low[:, sure].unsqueeze(1) > high.unsqueeze(2)).all(0).any(1)
    hopeful = torch.nonzero(~beaten & (promise >= promise.max() - HARDLY)).squeeze(1)
    if len(hopeful) <= _MOST_SAMPLED:
        return hopeful
    means = torch.stack([mean.mean(0)[hopeful] for mean, _ in moments])
    beaten_by = (means.unsqueeze(1) > means.unsqueeze(2)).all(0).sum(1)
    return hopeful[(promise[hopeful] - beaten_by).argsort(descending=True, stable=True)[:_MOST_SAMPLED]].sort().values
