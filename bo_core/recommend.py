"""What to use in the end: the observed point that is believed to be best."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from bo_core.encoding import Encoding, PointKey, key_of
from bo_core.outcomes import Outcomes
from bo_core.state import Observed, seed_of
from bo_core.surrogate import Posterior, fit, safe_cholesky
from bo_core.threads import few_threads
from campaign import Campaign, History, Trial
from campaign.recommendation import Recommendation

_SAMPLES = 4096
_JITTER = 1e-9


def recommend(campaign: Campaign, history: History) -> Recommendation | None:
    """Return the observed point with the best posterior mean, or None before the first observation.

    Probabilities are shares of joint posterior samples at all observed points, each counted once; deterministic.
    """
    view = history.model_view()
    if not view.observed:
        return None
    encoding = Encoding(campaign.parameters)
    generator = torch.Generator().manual_seed(seed_of(campaign, 0))
    with few_threads():
        observed = Observed.of(campaign, view, encoding, torch.device("cpu"))
        posterior = Posterior(observed.data, fit(observed.data, generator))
        places = _first_of_each_point(observed.trials)
        mean, covariance = posterior.joint(observed.data.X[places])
        best = int(mean.argmax())
        samples = _samples(mean, covariance, generator)
    trials = [observed.trials[i] for i in places]
    units = observed.outcomes
    return Recommendation(
        trial=trials[best].id,
        point=trials[best].point,
        mean=units.mean_in_units(float(mean[best])),
        sd=units.sd_in_units(_sd(covariance, best)),
        probability_best=float((samples.argmax(0) == best).double().mean()),
        **_against_baseline(campaign, units, trials, mean, covariance, best),
    )


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


def _samples(mean: Tensor, covariance: Tensor, generator: torch.Generator) -> Tensor:
    L, _ = safe_cholesky(covariance, _JITTER)
    return mean[:, None] + L @ torch.randn(len(mean), _SAMPLES, generator=generator, dtype=torch.float64)


def _sd(covariance: Tensor, i: int) -> float:
    return math.sqrt(max(float(covariance[i, i]), 0.0))


def _normal_cdf(v: float) -> float:
    return 0.5 * math.erfc(-v / math.sqrt(2.0))
