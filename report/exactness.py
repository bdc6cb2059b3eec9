"""Decide whether measurements are exact, since a model's ± next to exact values would mislead."""

import json

from overnight.campaign import History, Point
from overnight.campaign.standing.repeats import always_agree


def is_exact(history: History) -> bool:
    """Tell whether measuring a point again gives the same value.

    The campaign says so, or all measurements do by a standard error of 0, and no repeat of a point shows otherwise; or
    repeats of points show it.
    """
    campaign, goal = history.definition, history.definition.goal
    found = [(_key(t.point), m) for t in history.trials.values() if (m := goal.value_of(t)) is not None]
    values = [(point, measured.mean) for point, measured in found]
    if found and (campaign.noise == "none" or all(measured.sem == 0 for _, measured in found)):
        return len(set(values)) == len(dict(values))
    return all(measured.sem is None for _, measured in found) and always_agree(values)


def believed(history: History, point: Point | None, mean: float, sd: float | None) -> tuple[float, float | None]:
    """Return the model's mean and sd of a point; where measurements are exact, what was measured there, and None."""
    if point is not None and is_exact(history):
        goal = history.definition.goal
        for trial in history.trials.values():
            found = goal.value_of(trial)
            if found is not None and trial.point == point:
                return found.mean, None
    return mean, sd


def _key(point: Point) -> str:
    return json.dumps(point, sort_keys=True)
