"""Recommend the observed point with the best posterior mean, or a point that is better even with caution."""

import math

import torch
from torch import Tensor

from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.model import Model
from overnight.bo_core.recommendation.contest import Contest
from overnight.bo_core.recommendation.counted import Counted, is_baseline
from overnight.bo_core.recommendation.elsewhere import better_elsewhere
from overnight.bo_core.recommendation.joint_samples import mixed, samples_of
from overnight.bo_core.recommendation.sampled import exact_at
from overnight.bo_core.widening import WIDENING, WIDENING_OF_BEST
from overnight.campaign import Point
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import Recommendation

_JITTER = 1e-9


def believed_best(counted: Counted, contest: Contest, generator: torch.Generator, *, anywhere: bool) -> Recommendation:
    """Return the best point by the beliefs about one objective; only observed points count unless `anywhere`."""
    model, trials, objective = contest.model, counted.trials, contest.objective
    found = better_elsewhere(contest, counted) if anywhere else None
    elsewhere = [] if found is None else [found]
    points = [*(trial.point for trial in trials), *_baseline_elsewhere(counted), *elsewhere]
    X = torch.cat([counted.tried, counted.encoding.encode(points[len(trials) :])])
    means, covariances = (part.cpu() for part in model.posterior.joint(X.to(model.device)))
    mean, covariance = mixed(means, covariances)
    samples = samples_of(model.posterior, X, (means, covariances), generator)
    if model.observed.outcomes.wanted is not None:
        mean, samples = _with_exact(model, X, mean, samples)
    of_observed = contest.best(mean[: len(trials)], counted.tried)
    best = len(points) - 1 if elsewhere else of_observed
    known = points[: len(points) - len(elsewhere)]
    base = next((i for i, point in enumerate(known) if is_baseline(counted.campaign, point)), None)

    def predictions(i: int, widening: float) -> dict[str, Prediction]:
        x, outcomes = X[i : i + 1], model.observed.outcomes
        if outcomes.wanted is None:
            belief = _prediction(outcomes, mean, covariance, i, widening)
        else:
            belief = model.prediction(x, widening)
        return {objective: belief, **contest.others(x)}

    return Recommendation(
        trial=None if elsewhere else trials[best].id,
        point=points[best],
        best_measured=trials[of_observed].id,
        objective=objective,
        predicted=predictions(best, WIDENING_OF_BEST),
        baseline={} if base is None else predictions(base, WIDENING_OF_BEST if base == best else WIDENING),
        probability_best=contest.share_best(X, samples, best, generator),
        probability_better_than_baseline=None if base is None else _better(mean, covariance, best, base),
        suspects={trial.id: model.prediction(counted.encoding.encode([trial.point])) for trial in counted.doubted},
        **contest.feasibility(counted.campaign, X[best : best + 1]),
    )


def _with_exact(model: Model, X: Tensor, mean: Tensor, samples: Tensor) -> tuple[Tensor, Tensor]:
    """Return means [c] and samples [c, S] of distances with those that were measured exactly as they are.

    A model knows them only up to its jitter, which is more than what is left of a distance near the target.
    """
    known, y = exact_at(model, X)
    worth = model.observed.outcomes.worth(y)
    return torch.where(known, worth, mean), torch.where(known.unsqueeze(1), worth.unsqueeze(1), samples)


def _baseline_elsewhere(counted: Counted) -> list[Point]:
    """Return the point of the baseline if none of its results is believed, or if it lies outside of the space."""
    if counted.baseline is not None:
        return []
    view = counted.situation.view
    outside = (trial for trial in view.observed if trial.id in view.outside)
    return [trial.point for trial in (*counted.doubted, *outside) if is_baseline(counted.campaign, trial.point)][:1]


def _prediction(units: Outcomes, mean: Tensor, covariance: Tensor, i: int, widening: float) -> Prediction:
    """Return the belief about a point in the metric's own unit."""
    center, sd = float(mean[i]), widening * math.sqrt(max(float(covariance[i, i]), 0.0))
    low, high = units.interval_in_units(center, sd)
    return Prediction(mean=units.mean_in_units(center), sd=units.spread_in_units(center, sd), low=low, high=high)


def _better(mean: Tensor, covariance: Tensor, best: int, base: int) -> float:
    """Return the probability that the recommended point is better than the baseline."""
    if base == best:
        return 0.5
    variance = float(covariance[best, best] + covariance[base, base] - 2 * covariance[best, base])
    return _normal_cdf(float(mean[best] - mean[base]) / (WIDENING * math.sqrt(max(variance, _JITTER))))


def _normal_cdf(v: float) -> float:
    return 0.5 * math.erfc(-v / math.sqrt(2.0))
