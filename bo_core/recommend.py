"""What to use in the end: the observed point that is believed to be best."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from bo_core.encoding import Encoding, PointKey, key_of
from bo_core.model import Model
from bo_core.outcomes import Outcomes
from bo_core.proposer import BayesianProposer
from bo_core.state import seed_of
from bo_core.surrogate import safe_cholesky
from bo_core.threads import threads_for
from campaign import Campaign, History, Trial
from campaign.recommendation import Recommendation

_SAMPLES = 4096
_JITTER = 1e-9


def recommend(campaign: Campaign, history: History, proposer: BayesianProposer | None = None) -> Recommendation | None:
    """Return the observed point with the best posterior mean, or None before the first observation.

    Beliefs are averaged over hyperparameters as the proposer's are, by default as the default proposer's.
    Probabilities are shares of joint posterior samples at all observed points, each counted once; deterministic.
    """
    view = history.model_view()
    if not view.observed:
        return None
    encoding = Encoding(campaign.parameters)
    generator = torch.Generator().manual_seed(seed_of(campaign, 0))
    with torch.inference_mode(), threads_for(len(view.observed)):
        model = Model.of(campaign, view, proposer or BayesianProposer(), encoding, generator)
        places = _first_of_each_point(view.observed)
        means, covariances = model.posterior.joint(model.observed.X[places].to(model.device))
        samples = _samples(means.cpu(), covariances.cpu(), generator)
        mean, covariance = _mixed(means.cpu(), covariances.cpu())
        best = int(mean.argmax())
    trials = [view.observed[i] for i in places]
    units = model.observed.outcomes
    return Recommendation(
        trial=trials[best].id,
        point=trials[best].point,
        mean=units.mean_in_units(float(mean[best])),
        sd=units.sd_in_units(_sd(covariance, best)),
        probability_best=float((samples.argmax(0) == best).double().mean()),
        **_against_baseline(campaign, units, trials, mean, covariance, best),
    )


def _mixed(means: Tensor, covariances: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean [c] and covariance [c, c] of equal shares of M normal distributions."""
    mean = means.mean(0)
    apart = means - mean
    return mean, covariances.mean(0) + apart.mT @ apart / len(means)


def _first_of_each_point(trials: Sequence[Trial]) -> list[int]:
    """Return the places of the trials without those that repeat a point, which would share its probability."""
    first: dict[PointKey, int] = {}
    for i, trial in enumerate(trials):
        first.setdefault(key_of(trial.point), i)
    return list(first.values())


def _against_baseline(
    campaign: Campaign, units: Outcomes, trials: Sequence[Trial], mean: Tensor, covariance: Tensor, best: int
) -> dict[str, float]:
    if campaign.baseline is None:
        return {}
    key = key_of(campaign.parameters.point(campaign.baseline))
    places = [i for i, trial in enumerate(trials) if key_of(trial.point) == key]
    if not places:
        return {}
    base = places[0]
    variance = float(covariance[best, best] + covariance[base, base] - 2 * covariance[best, base])
    gap = float(mean[best] - mean[base])
    better = 0.5 if base == best else _normal_cdf(gap / math.sqrt(max(variance, _JITTER)))
    return {
        "baseline_mean": units.mean_in_units(float(mean[base])),
        "baseline_sd": units.sd_in_units(_sd(covariance, base)),
        "probability_better_than_baseline": better,
    }


def _samples(means: Tensor, covariances: Tensor, generator: torch.Generator) -> Tensor:
    """Return joint samples [c, about _SAMPLES] of the mixture, as many from each of its M parts."""
    L, _ = safe_cholesky(covariances, _JITTER)
    each = -(-_SAMPLES // len(means))
    normals = torch.randn(len(means), means.shape[1], each, generator=generator, dtype=torch.float64)
    return (means.unsqueeze(2) + L @ normals).transpose(0, 1).flatten(1)


def _sd(covariance: Tensor, i: int) -> float:
    return math.sqrt(max(float(covariance[i, i]), 0.0))


def _normal_cdf(v: float) -> float:
    return 0.5 * math.erfc(-v / math.sqrt(2.0))
