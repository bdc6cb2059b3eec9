"""Decide whether measurements are exact, since a model's ± next to exact values would mislead."""

import json

from overnight.campaign import History, Point
from overnight.campaign.standing.repeats import always_agree


def is_exact(history: History, metric: str) -> bool:
    """Return whether measuring an objective's metric again at a point gives the same value.

    A campaign or the standard errors of all its measurements may claim that, as long as no repeat of a point shows
    otherwise; or repeats of points show it.
    """
    trials = history.trials.values()
    found = [(_key(trial.point), trial.measured[metric]) for trial in trials if metric in trial.measured]
    values = [(point, measured.mean) for point, measured in found]
    if found and (history.definition.noise == "none" or all(measured.sem == 0 for _, measured in found)):
        return len(set(values)) == len(dict(values))
    return all(measured.sem is None for _, measured in found) and always_agree(values)


def measured_at(history: History, point: Point, metric: str) -> float | None:
    """Return the first measurement of a metric at a point; None if it was not measured."""
    found = (t.measured[metric] for t in history.trials.values() if t.point == point and metric in t.measured)
    return next((measurement.mean for measurement in found), None)


def _key(point: Point) -> str:
    return json.dumps(point, sort_keys=True)
