"""Whether measurements are exact, so that a model's ± beside them would only mislead."""

import json
from collections import defaultdict

from campaign import History, Point
from report.trial_facts import objective_of


def is_exact(history: History) -> bool:
    """Tell whether measuring a point again gives the same value: all say so, or points were repeated and all agreed."""
    alike = defaultdict[str, list[float]](list)
    exact = True
    for trial in history.trials.values():
        found = objective_of(history.definition, trial)
        if found is not None:
            alike[_key(trial.point)].append(found.mean)
            exact = exact and found.sem == 0
            if found.sem:
                return False
    repeated = [values for values in alike.values() if len(values) > 1]
    return (exact or bool(repeated)) and bool(alike) and all(min(v) == max(v) for v in repeated)


def believed(history: History, point: Point | None, mean: float, sd: float | None) -> tuple[float, float | None]:
    """Return the model's mean and sd of a point; where measurements are exact, what was measured there, and None."""
    if point is not None and is_exact(history):
        for trial in history.trials.values():
            found = objective_of(history.definition, trial)
            if found is not None and trial.point == point:
                return found.mean, None
    return mean, sd


def _key(point: Point) -> str:
    return json.dumps(point, sort_keys=True)
