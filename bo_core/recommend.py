"""Recommend the point with the best posterior mean, among the observed points or anywhere."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from overnight.bo_core.acquisition import AverageScore, JointDraws, OneObjective
from overnight.bo_core.acquisition.simple_regret import SimpleRegret
from overnight.bo_core.acquisition.surfaces import surface_of_score
from overnight.bo_core.choice import effort_of
from overnight.bo_core.data.encoding import Encoding, PointKey, key_of
from overnight.bo_core.data.inside import view_inside
from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.data.situation import Situation
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.decisive import MOST, decisive
from overnight.bo_core.model import Model
from overnight.bo_core.numerics.failing_numbers import numbers_may_fail
from overnight.bo_core.numerics.own_state import own_state
from overnight.bo_core.numerics.threads import threads_for
from overnight.bo_core.proposer import AnyProposer, BayesianProposer
from overnight.bo_core.search.climb import search, starting_points
from overnight.bo_core.settings.user_code import Unusable
from overnight.bo_core.surrogate import safe_cholesky
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import Campaign, History, ModelView, Point, Trial
from overnight.campaign.errors import ModelFailed, SpaceExhausted
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import Recommendation

_SAMPLES = 4096
_JITTER = 1e-9
# Some starts of the search for a better point lie near this many of the best observed ones.
_NEAR = 5
# With fewer observations, one set of hyperparameters is overconfident, and averaging costs little.
_AVERAGED_BELOW = 100


@own_state()
def recommend(
    campaign: Campaign, history: History, proposer: AnyProposer | None = None, *, anywhere: bool = False
) -> Recommendation | None:
    """Return the observed point with the best posterior mean, or None before the first observation.

    With `anywhere` it may be any point of the space that has a better mean, except points that failed or were stopped;
    the mean is weighted by the probability that the point gives a result, as in proposals. Beliefs are averaged over
    hyperparameters as the proposer's settings demand, by default under 100 observations; a proposer without a model
    uses the default settings. Probabilities are shares of joint posterior samples at all observed points and the
    recommended one, each counted once; they are deterministic. Of more than 480 distinct points, only those count that
    matter for which one is best. If no model can be computed, the point with the best measurement is recommended.
    """
    proposer = proposer if isinstance(proposer, BayesianProposer) else BayesianProposer()
    view = view_inside(campaign, history)
    if not view.observed:
        return None
    try:
        with numbers_may_fail(), torch.inference_mode():
            return _believed_best(campaign, view, proposer, anywhere=anywhere)
    except (ModelFailed, Unusable) as problem:
        return _measured_best(campaign, view.observed, str(problem))


def _believed_best(
    campaign: Campaign, everything: ModelView, proposer: BayesianProposer, *, anywhere: bool
) -> Recommendation:
    encoding = Encoding(campaign.parameters)
    generator = torch.Generator().manual_seed(seed_of(campaign, 0))
    with threads_for(MOST):
        view = decisive(campaign, everything, proposer, encoding, generator)
    with threads_for(len(view.observed)):
        learn_noise, hamming = proposer.repeats == "learn", proposer.categories == "hamming"
        situation = Situation.of(campaign, view, encoding, learn_noise=learn_noise, hamming=hamming)
        averaged, objective = _is_averaged(proposer, view), campaign.objective.metric
        model = Model.of(situation.observed[objective], proposer, generator, averaged=averaged)
        places = _first_of_each_point(view.observed)
        X = model.observed.X[places]
        elsewhere = _better_elsewhere(model, situation, everything, proposer, encoding) if anywhere else []
        X = torch.cat([X, encoding.encode(elsewhere)])
        means, covariances = model.posterior.joint(X.to(model.device))
        samples = _samples(means.cpu(), covariances.cpu(), generator)
        mean, covariance = _mixed(means.cpu(), covariances.cpu())
        best = int(mean.argmax())
    trials = [view.observed[i] for i in places]
    found: list[tuple[int | None, Point]] = [*((t.id, t.point) for t in trials), *((None, p) for p in elsewhere)]
    units = model.observed.outcomes
    base = _place_of_baseline(campaign, trials)
    return Recommendation(
        trial=found[best][0],
        point=found[best][1],
        objective=objective,
        predicted={objective: _prediction(units, mean, covariance, best)},
        baseline={} if base is None else {objective: _prediction(units, mean, covariance, base)},
        probability_best=float((samples.argmax(0) == best).double().mean()),
        probability_better_than_baseline=None if base is None else _better(mean, covariance, best, base),
    )


def _measured_best(campaign: Campaign, trials: Sequence[Trial], why: str) -> Recommendation:
    """Return the trial with the best measurement, for lack of a model, with nothing inferred beyond the measurement."""
    best, objective = campaign.goal.best(trials), campaign.objective.metric
    assert best is not None
    [measured] = campaign.goal.values_of([best])
    return Recommendation(
        trial=best.id,
        point=best.point,
        objective=objective,
        predicted={objective: Prediction(mean=measured.mean, sd=measured.sem)},
        probability_best=1.0 / len(_first_of_each_point(trials)),
        without_model=why,
    )


def _is_averaged(proposer: BayesianProposer, view: ModelView) -> bool:
    if proposer.hyperparameters == "auto":
        return len(view.observed) < _AVERAGED_BELOW
    return proposer.hyperparameters == "average"


def _better_elsewhere(
    model: Model, situation: Situation, everything: ModelView, proposer: BayesianProposer, encoding: Encoding
) -> list[Point]:
    """Return the point of highest posterior mean that was never tried to the end, if it beats the observed ones."""
    at_data = model.posterior.averaged(model.data.X)[0]
    # With no points to draw, one draw is the posterior mean itself.
    draws = JointDraws({"objective": model.posterior}, model.data.X[:0], 1, more=1, seed=0)
    mean = surface_of_score(AverageScore(draws, OneObjective("objective", SimpleRegret())))
    near = model.data.X[at_data.argsort(descending=True)[:_NEAR]].cpu()
    effort = effort_of(proposer)
    ended = {key_of(trial.point) for trial in (*everything.observed, *everything.failed, *everything.stopped)}
    try:
        pool = starting_points(encoding, effort, near, seed=0)
        surface = Weighting.fitted(situation, proposer).over(mean)
        point, value = search(encoding, surface, pool, ended, effort, seed=0)
    except SpaceExhausted:
        return []
    return [point] if value > float(at_data.max()) else []


def _mixed(means: Tensor, covariances: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean [c] and covariance [c, c] of equal shares of M normal distributions."""
    mean = means.mean(0)
    apart = means - mean
    return mean, covariances.mean(0) + apart.mT @ apart / len(means)


def _first_of_each_point(trials: Sequence[Trial]) -> list[int]:
    """Return the indices of the trials without repetitions of a point, which would share its probability."""
    first: dict[PointKey, int] = {}
    for i, trial in enumerate(trials):
        first.setdefault(key_of(trial.point), i)
    return list(first.values())


def _place_of_baseline(campaign: Campaign, trials: Sequence[Trial]) -> int | None:
    """Return the place of the trial of the baseline, None if there is none."""
    if campaign.baseline is None:
        return None
    key = key_of(campaign.parameters.point(campaign.baseline))
    return next((i for i, trial in enumerate(trials) if key_of(trial.point) == key), None)


def _prediction(units: Outcomes, mean: Tensor, covariance: Tensor, i: int) -> Prediction:
    """Return the belief about a point in the metric's own unit."""
    center, sd = float(mean[i]), math.sqrt(max(float(covariance[i, i]), 0.0))
    low, high = units.interval_in_units(center, sd)
    return Prediction(mean=units.mean_in_units(center), sd=units.spread_in_units(center, sd), low=low, high=high)


def _better(mean: Tensor, covariance: Tensor, best: int, base: int) -> float:
    """Return the probability that the recommended point is better than the baseline."""
    if base == best:
        return 0.5
    variance = float(covariance[best, best] + covariance[base, base] - 2 * covariance[best, base])
    return _normal_cdf(float(mean[best] - mean[base]) / math.sqrt(max(variance, _JITTER)))


def _samples(means: Tensor, covariances: Tensor, generator: torch.Generator) -> Tensor:
    """Return joint samples [c, about _SAMPLES] of the mixture, as many from each of its M parts."""
    L, _ = safe_cholesky(covariances, _JITTER)
    each = -(-_SAMPLES // len(means))
    normals = torch.randn(len(means), means.shape[1], each, generator=generator, dtype=torch.float64)
    # In place, because this is the most memory that a report uses.
    return (L @ normals).add_(means.unsqueeze(2)).transpose(0, 1).flatten(1)


def _normal_cdf(v: float) -> float:
    return 0.5 * math.erfc(-v / math.sqrt(2.0))
