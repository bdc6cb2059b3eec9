"""Recommend the observed point with the best posterior mean, or a point that is better even with caution."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from overnight.bo_core.acquisition import AverageScore, JointDraws
from overnight.bo_core.acquisition.surfaces import surface_of_score
from overnight.bo_core.choice import effort_of
from overnight.bo_core.contest import Contest
from overnight.bo_core.data.encoding import Encoding, PointKey, key_of
from overnight.bo_core.data.inside import view_inside
from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.data.situation import Situation
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.decisive import MOST, decisive
from overnight.bo_core.joint_samples import joint_samples
from overnight.bo_core.limits import Limits, Probabilities
from overnight.bo_core.model import Model, last_made_by_model, on_this_machine
from overnight.bo_core.numerics.failing_numbers import numbers_may_fail
from overnight.bo_core.numerics.own_state import own_state
from overnight.bo_core.numerics.stack import stack
from overnight.bo_core.numerics.threads import threads_for
from overnight.bo_core.proposer import AnyProposer, BayesianProposer
from overnight.bo_core.search.climb import search, starting_points
from overnight.bo_core.settings.user_code import Unusable
from overnight.bo_core.situated import situated
from overnight.bo_core.suspects import suspects_among, without
from overnight.bo_core.weights.weighting import Weighting
from overnight.bo_core.widening import WIDENING, WIDENING_OF_BEST
from overnight.campaign import Campaign, Goal, History, ModelView, Point, Trial
from overnight.campaign.errors import ModelFailed, SpaceExhausted
from overnight.campaign.history.provenance import Prediction, Provenance, Stack
from overnight.campaign.recommendation import Computed, Recommendation
from overnight.campaign.standing.confirming import has_confirmed

_JITTER = 1e-9
# Some starts of the search for a better point lie near this many of the best observed ones.
_NEAR = 5
# Standard deviations below the mean at which points are compared before the best observed one is left.
_CAUTION = 2.0


def recommend(
    campaign: Campaign, history: History, proposer: AnyProposer | None = None, *, anywhere: bool = True
) -> Recommendation | None:
    """Return the point that is believed to be best, or None before the first observation.

    That is the observed point with the best posterior mean, unless the point with the best mean `anywhere` is better
    also by the lower confidence bound, two standard deviations below the mean (docs/decisions/0033-confirming.md).
    With constraints, both are among the points that are feasible with at least the demanded probability; if no point is
    known to be, the observed point with the highest probability is recommended.
    There the mean is weighted by the probability that the point gives a result, as in proposals, and points that
    failed, were stopped or were rejected do not count. Once a confirming trial has given a result, only observed points
    are recommended.

    Beliefs are averaged over hyperparameters as the proposer's settings demand, by default under 100 observations, and
    widened so that they do not promise too much; a proposer without a model uses the default settings. Probabilities
    are shares of joint samples at all observed points and the recommended one, each counted once; they are
    deterministic. Of more than 480 distinct points, only those count that matter for which one is best. If no model can
    be computed, the point with the best measurement is recommended.
    """
    found = computed(campaign, history, proposer, anywhere=anywhere)
    return None if found is None else found.recommendation


@own_state()
def computed(
    campaign: Campaign, history: History, proposer: AnyProposer | None = None, *, anywhere: bool = True
) -> Computed | None:
    """Return what `recommend` returns, with the stack that computed it."""
    proposer = on_this_machine(proposer if isinstance(proposer, BayesianProposer) else BayesianProposer())
    view, anywhere = view_inside(campaign, history), anywhere and not has_confirmed(history)
    if not view.observed:
        return None
    try:
        with numbers_may_fail(), torch.inference_mode():
            return _believed_best(campaign, view, proposer, last_made_by_model(history), anywhere=anywhere)
    except (ModelFailed, Unusable) as problem:
        found = _measured_best(campaign, history.goal, view.observed, str(problem))
        return Computed(recommendation=found, stack=Stack(libraries=stack()))


def _believed_best(
    campaign: Campaign, everything: ModelView, proposer: BayesianProposer, last: Provenance | None, *, anywhere: bool
) -> Computed:
    encoding = Encoding(campaign.parameters)
    generator = torch.Generator().manual_seed(seed_of(campaign, 0))
    with threads_for(MOST):
        doubted = _doubted(campaign, everything, proposer, encoding, last)
        believed = without(everything, {trial.id for trial in doubted})
        view = decisive(campaign, believed, proposer, encoding, generator)
    with threads_for(len(view.observed)) as threads:
        situation = situated(campaign, view, encoding, proposer)
        sets, objective = proposer.sets_of_recommendation(len(everything.observed)), campaign.objective.metric
        models = {name: Model.of(each, proposer, generator, sets=sets) for name, each in situation.observed.items()}
        contest = Contest(objective, models, Limits.of(campaign, encoding, models))
        model, trials = contest.model, _first_of_each_point(view.observed)
        tried = encoding.encode([trial.point for trial in trials])
        elsewhere = _better_elsewhere(contest, tried, situation, everything, proposer, encoding) if anywhere else []
        points = [*(trial.point for trial in trials), *_doubted_baseline(campaign, trials, doubted), *elsewhere]
        X = torch.cat([tried, encoding.encode(points[len(trials) :])])
        means, covariances = model.posterior.joint(X.to(model.device))
        mean, covariance = _mixed(means.cpu(), covariances.cpu())
        samples = joint_samples(means.cpu(), covariances.cpu(), generator)
        of_observed = contest.best(mean[: len(trials)], tried)
        best = len(points) - 1 if elsewhere else of_observed
        probability_best = contest.share_best(X, samples, best, generator)
        suspects = {trial.id: model.prediction(encoding.encode([trial.point])) for trial in doubted}
        known = points[: len(points) - len(elsewhere)]
        base = next((i for i, point in enumerate(known) if _is_baseline(campaign, point)), None)
        met, others = contest.probabilities(X[best : best + 1]), contest.others(X[best : best + 1])
        others_at_base = {} if base is None else contest.others(X[base : base + 1])
    units, of_base = model.observed.outcomes, WIDENING_OF_BEST if base == best else WIDENING
    at_base = {} if base is None else {objective: _prediction(units, mean, covariance, base, of_base)}
    found = Recommendation(
        trial=None if elsewhere else trials[best].id,
        point=points[best],
        best_measured=trials[of_observed].id,
        objective=objective,
        predicted={objective: _prediction(units, mean, covariance, best, WIDENING_OF_BEST), **others},
        baseline={**at_base, **others_at_base},
        probability_best=probability_best,
        probability_better_than_baseline=None if base is None else _better(mean, covariance, best, base),
        suspects=suspects,
        **_feasibility(campaign, met),
    )
    made_on = Stack(device=model.device.type, threads=threads, libraries=stack())
    return Computed(recommendation=found, stack=made_on)


def _feasibility(campaign: Campaign, met: Probabilities | None) -> dict[str, Any]:
    """Return what a recommendation says about constraints; one whose metric was never measured is not known to hold."""
    if not campaign.constraints:
        return {}
    known = {} if met is None else {text: float(share) for text, share in met.each.items()}
    each = {str(constraint): known.get(str(constraint), 0.0) for constraint in campaign.constraints}
    every = 0.0 if met is None or len(known) < len(each) else float(met.every)
    return {"constraints": each, "probability_feasible": every, "feasible_at_least": campaign.feasible_at_least}


def _measured_best(campaign: Campaign, goal: Goal, trials: Sequence[Trial], why: str) -> Recommendation:
    """Return the trial with the best measurement, for lack of a model, with nothing inferred beyond the measurement.

    If no trial is feasible, it is one that breaks the fewest constraints.
    """
    objective = campaign.objective.metric
    best = goal.best(trials) or min(trials, key=lambda trial: len(goal.unmet(trial.measured)))
    [measured] = goal.values_of([best])
    return Recommendation(
        trial=best.id,
        point=best.point,
        best_measured=best.id,
        objective=objective,
        predicted={objective: Prediction(mean=measured.mean, sd=measured.sem)},
        probability_best=1.0 / len(_first_of_each_point(trials)),
        without_model=why,
        feasible_at_least=campaign.feasible_at_least if campaign.constraints else None,
    )


def _better_elsewhere(
    contest: Contest,
    tried: Tensor,
    situation: Situation,
    everything: ModelView,
    proposer: BayesianProposer,
    encoding: Encoding,
) -> list[Point]:
    """Return the untried point of highest mean if it beats those `tried` [c, d], with and without caution.

    With constraints, only points that are feasible enough count. Without such a point among those that were tried, one
    elsewhere is better.
    """
    model = contest.model
    rivals = torch.cat([tried, model.observed.X[len(situation.view.observed) :]])
    at, sd_at = (found.cpu() for found in model.posterior.averaged(rivals.to(model.device)))
    if (best := contest.best(at, rivals)) >= len(tried):
        # The end of a stopped trial is only predicted, which is no reason to recommend its neighbours.
        return []
    near = rivals[at.argsort(descending=True)[:_NEAR]]
    weighting, effort = Weighting.fitted(situation, proposer), effort_of(proposer)
    pool = starting_points(encoding, effort, near, seed=0)
    for score in contest.scores():
        # With no points to draw, one draw is the posterior mean itself; relative limits need the baseline's.
        drawn = model.data.X[:0] if contest.limits is None else contest.limits.baseline
        draws = JointDraws(contest.beliefs, drawn, proposer.draws if len(drawn) else 1, more=1, seed=0)
        surface = weighting.over(surface_of_score(AverageScore(draws, score)))
        try:
            point, value = search(encoding, surface, pool, _ended(everything), effort, seed=0)
        except SpaceExhausted:
            return []
        x = encoding.encode([point])
        if contest.is_feasible_enough(x):
            break
    else:
        return []
    if not contest.is_feasible_enough(rivals[best : best + 1]):
        return [point]
    _, sd = model.posterior.averaged(x.to(model.device))
    gain = value - float(at[best])
    return [point] if gain > max(0.0, _CAUTION * float(sd.cpu() - sd_at[best])) else []


def _ended(view: ModelView) -> set[PointKey]:
    """Return the points that were observed, failed, were stopped, or were rejected by a person."""
    rejected = (trial for trial in view.withheld if trial.outcome is not None)
    return {key_of(trial.point) for trial in (*view.observed, *view.failed, *view.stopped, *rejected)}


def _mixed(means: Tensor, covariances: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean [c] and covariance [c, c] of equal shares of M normal distributions."""
    mean = means.mean(0)
    apart = means - mean
    return mean, covariances.mean(0) + apart.mT @ apart / len(means)


def _first_of_each_point(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials without repetitions of a point, which would share its probability."""
    first: dict[PointKey, Trial] = {}
    for trial in trials:
        first.setdefault(key_of(trial.point), trial)
    return list(first.values())


def _doubted_baseline(campaign: Campaign, believed: Sequence[Trial], doubted: Sequence[Trial]) -> list[Point]:
    """Return the point of the baseline if none of its results is believed."""
    if any(_is_baseline(campaign, trial.point) for trial in believed):
        return []
    return [trial.point for trial in doubted if _is_baseline(campaign, trial.point)][:1]


def _is_baseline(campaign: Campaign, point: Point) -> bool:
    baseline = campaign.baseline
    return baseline is not None and key_of(campaign.parameters.point(baseline)) == key_of(point)


def _doubted(
    campaign: Campaign, view: ModelView, proposer: BayesianProposer, encoding: Encoding, last: Provenance | None
) -> list[Trial]:
    """Return the trials whose results look like glitches."""
    if not proposer.doubts:
        return []
    observed = situated(campaign, view, encoding, proposer).observed[campaign.objective.metric]
    suspects = {suspect.trial for suspect in suspects_among(observed, len(view.observed), proposer, last)}
    return [trial for trial in view.observed if trial.id in suspects]


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
