"""Estimate the final values of trials that were stopped early from trials that ran further.

An early report is a biased measurement of the final value. The relation between the two is known for trials that ended:
a straight line is fitted to them by least squares. Its prediction for a stopped trial is that trial's measurement, and
the prediction's standard deviation is the standard error. The trials that ended were selected by their reports, but
this does not bias the line, because it conditions on the reports. Stopped trials lie beyond the others, which makes the
line less certain there, and the standard deviation accounts for that.

In an A/B test, reports are means since the batch began, with their standard errors: the last report of a stopped arm is
its measurement, and nothing is extrapolated.
"""

import math
from collections.abc import Sequence

import numpy as np

from overnight.bo_core.numerics.safe_range import unit_for
from overnight.campaign import Campaign, Measurement, ModelView, Objective, Trial
from overnight.campaign.standing.curves import curves_of
from overnight.campaign.stopping import Curve

# With fewer, the scatter about a line cannot be estimated.
_LEAST_TO_LEARN_FROM = 4


def expected_finals(campaign: Campaign, view: ModelView, metric: str) -> dict[int, Measurement]:
    """Return the expected final values of a metric of stopped trials, by trial id in the order of ids.

    There is none for a trial that has not reported, or that reported to a step reached by fewer than four trials that
    ended with a result. In an A/B test, the value is that of the last report.
    """
    if not view.stopped:
        return {}
    objective = campaign.goal.wanted(metric)
    if campaign.is_ab_test:
        last = {trial.id: _last_report(objective, trial, view) for trial in view.stopped}
        return {trial: found for trial, found in last.items() if found is not None}
    curves = curves_of(objective, (*view.observed, *view.stopped), view.reports)
    finals = {
        trial.id: objective.turned(found.mean)
        for trial in view.observed
        if trial.id in curves and (found := _final(objective, trial)) is not None
    }
    expected: dict[int, Measurement] = {}
    for trial in view.stopped:
        found = _expected(curves.get(trial.id), curves, finals)
        if found is not None:
            expected[trial.id] = Measurement(mean=objective.turned(found.mean), sem=found.sem)
    return expected


def _final(objective: Objective, trial: Trial) -> Measurement | None:
    """Return the metric of a result, calculated if the result holds only its parts."""
    return trial.measured.get(objective.metric) or objective.found_in(trial.measured)


def _last_report(objective: Objective, trial: Trial, view: ModelView) -> Measurement | None:
    """Return the metric as the latest attempt of a trial reported it last; None if it did not."""
    latest = trial.attempts[-1].number if trial.attempts else None
    reports = [report for report in view.reports.get(trial.id, ()) if report.attempt == latest]
    found = [objective.found_in(report.metrics) for report in sorted(reports, key=lambda report: report.step)]
    return next((measurement for measurement in reversed(found) if measurement is not None), None)


def _expected(stopped: Curve | None, curves: dict[int, Curve], finals: dict[int, float]) -> Measurement | None:
    if stopped is None:
        return None
    step, value = stopped.steps[-1], stopped.values[-1]
    pairs = [(early, final) for trial, final in finals.items() if (early := curves[trial].value_by(step)) is not None]
    return predicted_end(pairs, value)


def predicted_end(pairs: Sequence[tuple[float, float]], at: float) -> Measurement | None:
    """Return the end at which a line through pairs (early, final) arrives from `at`, with the uncertainty of a new one.

    None if there are fewer than four pairs, or if the result is not finite. The slope of the line is never negative,
    because a bad report is no reason to expect a good end.
    """
    n = len(pairs)
    if n < _LEAST_TO_LEARN_FROM:
        return None
    early, final = np.array(pairs, dtype=np.float64).T
    of_early, of_final = unit_for([*early, at]), unit_for(final)
    early, final, at = early / of_early, final / of_final, at / of_early
    with np.errstate(all="ignore"):
        middle, center = final.mean(), early.mean()
        # In units of the reports' own spread, so that squares of large ones do not overflow.
        unit = np.abs(early - center).max() or 1.0
        x, asked = (early - center) / unit, (at - center) / unit
        spread = math.sqrt(x @ x) or math.inf
        slope = max(x @ (final - middle) / spread**2, 0.0)
        scatter = math.hypot(*(final - middle - slope * x)) / math.sqrt(n - 2)
        mean, sem = float(middle + slope * asked), scatter * math.hypot(1.0, 1.0 / math.sqrt(n), asked / spread)
        mean, sem = mean * of_final, float(sem) * of_final
    return Measurement(mean=mean, sem=sem) if math.isfinite(mean) and math.isfinite(sem) else None
