"""Recommend by measurements alone, for lack of a model."""

from collections.abc import Sequence

from overnight.bo_core.recommendation.counted import first_of_each_point
from overnight.campaign import Campaign, Goal, Trial
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import Recommendation


def measured_best(campaign: Campaign, goal: Goal, trials: Sequence[Trial], why: str) -> Recommendation:
    """Return the trial with the best measurement, with nothing inferred beyond the measurement.

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
        probability_best=1.0 / len(first_of_each_point(trials)),
        without_model=why,
        feasible_at_least=campaign.feasible_at_least if campaign.constraints else None,
    )
