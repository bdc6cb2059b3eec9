"""The difference of an arm to the status quo that ran at the same time, in one number with its error."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from overnight.campaign.evaluation import Measurement


@dataclass(frozen=True)
class Difference:
    """A difference with its `variance` and its standard error `sem`; both are None if that of a part is unknown."""

    value: float
    variance: float | None
    sem: float | None


def difference(
    arm: Measurement, status_quo: Measurement | None, factor: float = 1.0, offset: float = 0.0
) -> Difference:
    """Return arm − factor · status quo − offset, in the metric's unit; without a status quo, arm − offset."""
    other = 0.0 if status_quo is None else factor * status_quo.mean
    value = arm.mean - offset - other
    theirs = 0.0 if status_quo is None else status_quo.sem
    if arm.sem is None or theirs is None:
        return Difference(value, None, None)
    theirs *= factor
    # A power that is too large raises an error; a product is infinite.
    return Difference(value, arm.sem * arm.sem + theirs * theirs, math.hypot(arm.sem, theirs))


def pooled_difference(found: Iterable[Difference]) -> float | None:
    """Return the mean of differences, weighted by their inverse variances if all are known, finite and above 0."""
    each = [*found]
    if not each:
        return None
    known = [one.variance for one in each if one.variance and math.isfinite(one.variance)]
    weights = [1.0 / variance for variance in known] if len(known) == len(each) else [1.0] * len(each)
    return sum(weight * one.value for weight, one in zip(weights, each, strict=True)) / sum(weights)
