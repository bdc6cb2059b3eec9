"""The history of an A/B test as its pictures show it: with differences to the status quo instead of measured values."""

import math
from dataclasses import replace

from overnight.campaign import History, Measurement, Trial
from overnight.campaign.experiment.effects import effect_at
from overnight.campaign.history.trial import Observation


def as_differences(history: History) -> History:
    """Return a history in which each result is the difference of the objective to the status quo of its own batch.

    Batches drift, so measured values of different batches cannot be compared. A status quo has no difference, and
    neither has an arm beside one without a result: such trials have no result here. Constraints are left out.
    """
    metric, latest = history.definition.objective.metric, history.revised or history.defined
    assert latest is not None
    changed = {trial.id: _beside(history, trial, metric) for trial in history.trials.values() if trial.measured}
    definition = latest.definition.model_copy(update={"constraints": ()})
    alone = latest.model_copy(update={"definition": definition})
    name = "defined" if history.revised is None else "revised"
    return replace(history, trials=history.trials.changed(changed), **{name: alone})


def _beside(history: History, trial: Trial, metric: str) -> Trial:
    found = effect_at(history, trial, metric, None)
    if found.value is None or not isinstance(trial.outcome, Observation) or not math.isfinite(found.value):
        return trial.model_copy(update={"outcome": None})
    metrics = {metric: Measurement(mean=found.value, sem=found.sem)}
    return trial.model_copy(update={"outcome": trial.outcome.model_copy(update={"metrics": metrics})})
