"""Recommend one of the front of several objectives: the measured points that no other one is believed to beat."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from overnight.bo_core.limits import Limits
from overnight.bo_core.recommendation.contest import Contest
from overnight.bo_core.recommendation.counted import Counted
from overnight.bo_core.recommendation.dominance import on_front, shares_on_front
from overnight.bo_core.recommendation.sampled import Sampled
from overnight.bo_core.widening import WIDENING, WIDENING_OF_BEST
from overnight.campaign import Campaign
from overnight.campaign.goal.front import Turned, most_balanced
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import OfFront, Recommendation

# With more pairs of a point of the front and a point that may beat it, only a part of the samples are compared.
_PAIRS = 50_000


def believed_front(counted: Counted, contest: Contest, generator: torch.Generator) -> Recommendation:
    """Return the front by the beliefs about all objectives, and the preferred or the most balanced point of it."""
    campaign, X, base = counted.campaign, counted.tried, counted.baseline
    metrics = [objective.metric for objective in campaign.goal.objectives]
    sampled = Sampled.of(contest, metrics, X, generator)
    counting = contest.counting(X)
    front = on_front([*sampled.means.values()], counting)
    front.sort(key=lambda row: -float(sampled.means[contest.objective][row]))
    turned = {row: _turned(campaign, contest, sampled.means, row) for row in counting.nonzero().flatten().tolist()}
    of_front = [turned[row] for row in front]
    worst = campaign.goal.worst(of_front, [*turned.values()])
    at, preferred, preferences = most_balanced(of_front, worst), None, {}
    if campaign.prefer:
        at, preferred, preferences = _preferred(counted, contest, sampled.means[contest.objective], front)
    shares = _shares(sampled, front)
    beliefs = _predictions(contest, metrics, X[front], WIDENING_OF_BEST)
    points = [counted.trials[row] for row in front]
    of_baseline = WIDENING_OF_BEST if base in front else WIDENING
    return Recommendation(
        trial=points[at].id,
        point=points[at].point,
        best_measured=points[at].id,
        objective=contest.objective,
        predicted=beliefs[at],
        baseline={} if base is None else _predictions(contest, metrics, X[base : base + 1], of_baseline)[0],
        probability_best=shares[at],
        probability_better_than_baseline=None if base is None else sampled.share_better(front[at], base),
        front=tuple(
            OfFront(trial=trial.id, point=trial.point, predicted=predicted, probability=share)
            for trial, predicted, share in zip(points, beliefs, shares, strict=True)
        ),
        worst=campaign.goal.named(worst),
        preferred=preferred,
        preferences=preferences,
        **contest.feasibility(campaign, X[front[at] : front[at] + 1]),
    )


def _turned(campaign: Campaign, contest: Contest, means: Mapping[str, Tensor], row: int) -> Turned:
    """Return the means of all objectives at a point in their own units, turned so that more is better."""
    return tuple(
        each.turned(contest.models[each.metric].observed.outcomes.mean_in_units(float(means[each.metric][row])))
        for each in campaign.goal.objectives
    )


def _preferred(
    counted: Counted, contest: Contest, mean: Tensor, front: Sequence[int]
) -> tuple[int, bool, dict[str, float]]:
    """Return which point of the front is preferred, whether it is good enough, and how probable each preference is.

    It is the best in the first objective, of these means [n], of those that meet the constraints and the preferences
    with the demanded probability, or else the one that comes closest.
    """
    campaign, X = counted.campaign, counted.tried[front]
    limits = Limits.of(campaign, counted.encoding, contest.models, campaign.prefer)
    preferring = replace(contest, limits=limits)
    at, met = preferring.best(mean[front], X), preferring.probabilities(X)
    assert met is not None, "expected limits of measured objectives"
    each = {str(preference): float(met.each[str(preference)][at]) for preference in campaign.prefer}
    # A constraint on a metric that was never measured is no limit of a model, and not known to be met.
    known = all(constraint.metric in contest.models for constraint in campaign.constraints)
    return at, known and float(met.every[at]) >= campaign.feasible_at_least, each


def _shares(sampled: Sampled, front: Sequence[int]) -> list[float]:
    """Return the probability of each point of the front to be on it."""
    step = 1 + len(front) * len(sampled.feasible) // _PAIRS
    values = [value[:, ::step] for value in sampled.values.values()]
    return shares_on_front(values, sampled.feasible[:, ::step], front)


def _predictions(
    contest: Contest, objectives: Sequence[str], X: Tensor, of_objectives: float
) -> list[dict[str, Prediction]]:
    """Return the beliefs about all metrics at points X [b, d], those about objectives widened by a factor of their own.

    Points are on a front partly because they were lucky.
    """
    found = {
        metric: model.predictions(X, of_objectives if metric in objectives else WIDENING)
        for metric, model in contest.models.items()
    }
    return [{metric: beliefs[i] for metric, beliefs in found.items()} for i in range(len(X))]
