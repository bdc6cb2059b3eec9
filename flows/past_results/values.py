"""Convert the values of a past result to the types of a campaign's parameters."""

import math
from typing import Any

from overnight.campaign import Measurement
from overnight.campaign.evaluation import read_measurement
from overnight.campaign.parameters import Parameter, Value
from overnight.campaign.values.spelling import number_of


def value_of(parameter: Parameter, found: Any) -> Value:
    """Return `found`, parsed if it is text, as a value of the parameter.

    The message of a ValueError is the expected value, to be put after "expected".
    """
    return parameter.canonical(parameter.spelled(found) if isinstance(found, str) else found)


def measurement_of(mean: Any, sem: Any, n: Any = None) -> Measurement | None:
    """Return the measurement, or None if `mean` is missing; a ValueError names the expected and the found value."""
    if is_missing(mean):
        return None
    if isinstance(mean, bool):
        raise ValueError(f"expected a finite number as mean, got {mean}")
    known = {name: number_of(found) for name, found in (("sem", sem), ("n", n)) if not is_missing(found)}
    return read_measurement({"mean": number_of(mean), **known})


def is_missing(found: Any) -> bool:
    """Return whether nothing was measured: no value, an empty text or NaN."""
    number = number_of(found)
    return number is None or number == "" or (isinstance(number, float) and math.isnan(number))
