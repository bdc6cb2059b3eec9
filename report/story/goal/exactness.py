"""Decide whether measurements are exact, since a model's ± next to exact values would mislead."""

import json

from overnight.campaign import History, Point
from overnight.campaign.standing.repeats import always_agree


def is_exact(history: History) -> bool:
    """Return whether measuring a point again gives the same value.

    A campaign or the standard errors of all its measurements may claim that, as long as no repeat of a point shows
    otherwise; or repeats of points show it.
    """
    campaign, goal = history.definition, history.definition.goal
    found = [(_key(t.point), m) for t in history.trials.values() if (m := goal.value_of(t)) is not None]
    values = [(point, measured.mean) for point, measured in found]
    if found and (campaign.noise == "none" or all(measured.sem == 0 for _, measured in found)):
        return len(set(values)) == len(dict(values))
    return all(measured.sem is None for _, measured in found) and always_agree(values)


def measured_at(history: History, point: Point) -> float | None:
    """Return the first measurement of a point; None if it was not measured."""
    goal = history.definition.goal
    found = (m for t in history.trials.values() if t.point == point and (m := goal.value_of(t)) is not None)
    return next((measurement.mean for measurement in found), None)


def _key(point: Point) -> str:
    return json.dumps(point, sort_keys=True)
