"""Recommend by measurements alone, for lack of a model."""

from collections.abc import Sequence
from dataclasses import replace

from overnight.bo_core.recommendation.counted import first_of_each_point
from overnight.campaign import Campaign, Goal, Trial
from overnight.campaign.experiment.own_batch import Goals
from overnight.campaign.experiment.status_quo import status_quos
from overnight.campaign.goal.front import most_balanced
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import OfFront, Recommendation


def measured_best(campaign: Campaign, goal: Goal, trials: Sequence[Trial], why: str) -> Recommendation:
    """Return the trial with the best measurement, with nothing inferred beyond the measurement.

    If no trial is feasible, it is one that breaks the fewest constraints. In an A/B test, the best one has the
    best difference to the status quo of its own batch.
    """
    objective = campaign.objective.metric
    arms = Goals(goal, status_quos(trials)).best_arms(trials) if campaign.is_ab_test else []
    best = next(iter(arms), None) or goal.best(trials) or min(trials, key=lambda trial: len(goal.unmet(trial.measured)))
    [measured] = goal.values_of([best])
    return Recommendation(
        trial=best.id,
        point=best.point,
        best_measured=best.id,
        objective=objective,
        predicted={objective: Prediction(mean=measured.mean, sd=measured.sem)},
        probability_best=1.0 / len(first_of_each_point(trials)),
        without_model=why,
        feasible_at_least=campaign.feasible_at_least if campaign.constraints else None,
    )


def most_thorough(campaign: Campaign, trials: Sequence[Trial]) -> Sequence[Trial]:
    """Return the trials at the highest fidelity of all: without a model, those at others are not comparable."""
    fidelity = campaign.fidelity
    if fidelity is None:
        return trials
    least = min(fidelity.missing(trial.point) for trial in trials)
    return [trial for trial in trials if fidelity.missing(trial.point) == least]


def measured_front(campaign: Campaign, goal: Goal, trials: Sequence[Trial], why: str) -> Recommendation:
    """Return the front of the measurements, and the preferred or the most balanced trial of it.

    If no trial is feasible, only those count that break the fewest constraints.
    """
    fewest = min(len(goal.unmet(trial.measured)) for trial in trials)
    closest = [trial for trial in trials if len(goal.unmet(trial.measured)) == fewest]
    unlimited = replace(goal, constraints=())
    front = first_of_each_point(unlimited.best_first(unlimited.front(closest)))
    turned = [goal.turned(trial.measured) for trial in front]
    worst = goal.worst(turned, [goal.turned(trial.measured) for trial in closest])
    at, preferred = _preferred(campaign, goal, front) if campaign.prefer else (most_balanced(turned, worst), None)
    of_front = tuple(OfFront(trial=trial.id, point=trial.point, predicted=_measured(goal, trial)) for trial in front)
    return Recommendation(
        trial=front[at].id,
        point=front[at].point,
        best_measured=front[at].id,
        objective=campaign.objective.metric,
        predicted=of_front[at].predicted,
        probability_best=len(front) / len(first_of_each_point(trials)),
        without_model=why,
        feasible_at_least=campaign.feasible_at_least if campaign.constraints else None,
        front=of_front,
        worst=goal.named(worst),
        preferred=preferred,
    )


def _preferred(campaign: Campaign, goal: Goal, front: Sequence[Trial]) -> tuple[int, bool]:
    """Return the first trial that meets the constraints and `prefer`, or breaks the fewest, and whether it does."""
    preferring = replace(goal, constraints=(*goal.constraints, *campaign.prefer))
    unmet = [len(preferring.unmet(trial.measured)) for trial in front]
    at = unmet.index(min(unmet))
    return at, unmet[at] == 0


def _measured(goal: Goal, trial: Trial) -> dict[str, Prediction]:
    """Return the measurements of the goal's metrics as beliefs, with their standard errors if these are known."""
    found = {metric: trial.measured[metric] for metric in goal.metrics if metric in trial.measured}
    return {metric: Prediction(mean=each.mean, sd=each.sem) for metric, each in found.items()}
