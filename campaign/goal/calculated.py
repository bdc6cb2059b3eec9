"""A metric that is calculated from others, with the standard error that follows from theirs."""

import math
from collections.abc import Mapping
from contextlib import suppress

from overnight.campaign.evaluation import Measurement
from overnight.campaign.values.expression import Expression


def calculated_from(expression: Expression, measured: Mapping[str, Measurement]) -> Measurement:
    """Return the value of a calculation, with a standard error if every metric has one.

    Errors of the metrics are independent. Each contributes the root mean square of the two differences that it makes,
    upwards and downwards (exact if the expression is linear). Raises ValueError if a metric is missing or the value is
    not a finite number.
    """
    if missing := [name for name in expression.names if name not in measured]:
        raise ValueError(
            f"expected {' and '.join(f'`{name}`' for name in missing)} for `{expression.text}`, found none"
        )
    means = {name: measured[name].mean for name in expression.names}
    value = expression.value(means)
    errors = [measured[name].sem for name in expression.names]
    if None in errors:
        return Measurement(mean=value)
    known = zip(expression.names, errors, strict=True)
    parts = [_difference(expression, means, value, name, sem) for name, sem in known if sem]
    found = None if None in parts else math.hypot(*(part for part in parts if part is not None))
    return Measurement(mean=value, sem=found if found is None or math.isfinite(found) else None)


def _difference(
    expression: Expression, means: Mapping[str, float], value: float, name: str, error: float
) -> float | None:
    """Return how much an error of one metric changes the value; None if the value is finite on neither side."""
    sides = list[float]()
    for moved in (means[name] + error, means[name] - error):
        with suppress(ValueError):
            sides.append(expression.value({**means, name: moved}) - value)
    return math.hypot(*sides) / math.sqrt(len(sides)) if sides else None
