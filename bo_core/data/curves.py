"""Reports on the way as results at lower fidelities, if the steps of reports are fidelities."""

from collections.abc import Iterator
from dataclasses import dataclass

from overnight.campaign import Campaign, Measurement, ModelView, Objective, Trial
from overnight.campaign.history.events import MeasurementReported
from overnight.campaign.history.trial import Observation


@dataclass(frozen=True)
class Reported:
    """A report of a trial on its way, as a result of which so much of the full fidelity is `missing`."""

    trial: Trial
    missing: float
    measured: Measurement


def reported(campaign: Campaign, view: ModelView, objective: Objective) -> list[Reported]:
    """Return the reports of an objective that are results at lower fidelities, in the order of trials and steps.

    Of each trial's latest attempt, the last report up to each level of the fidelity counts, because neighbouring ones
    err in the same way. For the same reason the result counts alone, once there is one, of everything after the level
    below it. An attempt that continues may report its earlier steps again, such as a whole log; only those after the
    fidelity that it continues from count. Trials that are running count as well.
    """
    fidelity = campaign.fidelity
    if fidelity is None or not fidelity.parameter.curve:
        return []
    trials = sorted((*view.observed, *view.stopped, *view.pending), key=lambda trial: trial.id)
    return [
        Reported(trial, fidelity.parameter.missing(report.step), found)
        for trial in trials
        for report in _thinned(campaign, trial, view)
        if (found := objective.found_in(report.metrics)) is not None
    ]


def _thinned(campaign: Campaign, trial: Trial, view: ModelView) -> Iterator[MeasurementReported]:
    """Yield the last report of a trial's latest attempt between each two levels below its own fidelity."""
    fidelity = campaign.fidelity
    if fidelity is None or not trial.attempts:
        return
    attempt, end = trial.attempts[-1], fidelity.of(trial.point)
    latest, resumed = attempt.number, attempt.resumed
    steps = {report.step: report for report in view.reports.get(trial.id, ()) if report.attempt == latest}
    before = 0.0 if resumed is None else resumed.fidelity
    below = [level for level in fidelity.parameter.levels if level < end]
    for level in below if isinstance(trial.outcome, Observation) else [*below, end]:
        within = [step for step in steps if before < step <= level and fidelity.parameter.low <= step]
        if within:
            yield steps[max(within)]
        before = max(before, level)
