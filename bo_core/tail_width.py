"""Choose by likelihood how strongly bad outcomes are compressed.

The better half of the outcomes measures their spread. As a search closes in on an optimum, that spread shrinks, so
sooner or later everything else looks like a tail. If the tail is drawn together, a bowl becomes a flat plain with a
narrow pit: length scales become short, beliefs about far corners return to the prior, and a search with little left to
gain at the pit goes there. Uncompressed outcomes leave no doubt about these corners if they suit the model, but
outcomes with real tails do not suit it. The likelihood of the measurements distinguishes the two cases: the likelihood
of the standardised outcomes times the slopes at which they were standardised (Snelson, Rasmussen and Ghahramani 2004,
warped Gaussian processes).
"""

import math

import torch

from overnight.bo_core.data.state import Observed
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.surrogate import Prior, TrainingData, fit
from overnight.campaign.errors import ModelFailed

# In robust spreads; None leaves outcomes as they are.
TAIL_WIDTHS = (1.0, 4.0, 16.0, None)
# The gain in nats that another width than the first needs; the most measurements that the likelihood is computed from.
_LEAST_GAIN = 10.0
_MOST_ASKED = 64


def with_likeliest_tail(observed: Observed, proposer: BayesianProposer) -> tuple[Observed, float | None]:
    """Return the observations with the tail width that makes them likeliest, and that width.

    A pure function of its arguments: the starts of its fits come from a generator of its own. Nothing is done if no
    outcome is far worse than the others. With fidelities the first width stays, because it is that of `evening_tail`.
    """
    if observed.outcomes.tail is None:
        return observed, None
    if observed.missing is not None:
        return observed, TAIL_WIDTHS[0]
    candidates = [(observed, TAIL_WIDTHS[0]), *((observed.with_tail_width(w), w) for w in TAIL_WIDTHS[1:])]
    likelihoods = [_log_likelihood(candidate, proposer) for candidate, _ in candidates]
    best = max(range(len(candidates)), key=lambda i: likelihoods[i])
    return candidates[best if likelihoods[best] > likelihoods[0] + _LEAST_GAIN else 0]


def _log_likelihood(observed: Observed, proposer: BayesianProposer) -> float:
    """Return the log density of the measurements, in their own unit, with the likeliest hyperparameters."""
    outcomes, n = observed.outcomes, len(observed.trials)
    count = min(n, _MOST_ASKED)
    rows = torch.arange(count) * n // count
    extra = proposer.extra_noise and not observed.exact
    y, variance = outcomes.y[rows], outcomes.variance[rows]
    data = TrainingData.of(observed.X[rows], y, variance, observed.groups, extra_noise=extra)
    prior = Prior(observed.groups.count, proposer.prior, noise_unit=observed.noise_unit)
    try:
        found = fit(data, proposer.kernel, prior, torch.Generator().manual_seed(0), cold=1)
    except ModelFailed:
        return -math.inf
    return found.value + float(outcomes.log_slopes[rows].sum())
