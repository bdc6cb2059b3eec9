"""Learning curves: the objective values that each trial has reported so far."""

from collections.abc import Iterable, Mapping

from overnight.campaign.goal import Objective
from overnight.campaign.history.events import MeasurementReported
from overnight.campaign.history.trial import Trial
from overnight.campaign.stopping import Curve

Reports = Mapping[int, tuple[MeasurementReported, ...]]


def curves_of(objective: Objective, trials: Iterable[Trial], reports: Reports) -> dict[int, Curve]:
    """Return the curve of each trial that has reported the objective, by trial id.

    Only a trial's latest attempt counts, because a retried trial starts over.
    """
    curves = (_curve(objective, trial, reports.get(trial.id, ())) for trial in trials)
    return {curve.trial: curve for curve in curves if curve is not None}


def _curve(objective: Objective, trial: Trial, reports: Iterable[MeasurementReported]) -> Curve | None:
    if not trial.attempts:
        return None
    latest = trial.attempts[-1].number
    values = {
        report.step: objective.turned(found.mean)
        for report in reports
        if report.attempt == latest and (found := objective.found_in(report.metrics)) is not None
    }
    if not values:
        return None
    steps = tuple(sorted(values))
    return Curve(trial.id, steps, tuple(values[step] for step in steps), ended=trial.outcome is not None)
