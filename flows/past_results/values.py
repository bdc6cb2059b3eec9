"""Convert the values of a past result to the types of a campaign's parameters."""

import math
from typing import Any

from overnight.campaign import Measurement
from overnight.campaign.evaluation import read_measurement
from overnight.campaign.space import FixedParameter, FloatParameter, IntParameter, Parameter, Value


def value_of(parameter: Parameter, found: Any) -> Value:
    """Return the parameter's value that was found, or that a text spells; ValueError says what was expected."""
    return parameter.canonical(_spelled(parameter, found) if isinstance(found, str) else found)


def measurement_of(mean: Any, sem: Any, n: Any = None) -> Measurement | None:
    """Return what was measured, None where nothing was; ValueError says what was expected and found."""
    if is_missing(mean):
        return None
    if isinstance(mean, bool):
        raise ValueError(f"expected a finite number as mean, got {mean}")
    known = {name: _number_of(found) for name, found in (("sem", sem), ("n", n)) if not is_missing(found)}
    return read_measurement({"mean": _number_of(mean), **known})


def is_missing(found: Any) -> bool:
    """Tell whether nothing was measured: no value, no text, or no number in the sense of floating point."""
    number = _number_of(found)
    return number is None or number == "" or (isinstance(number, float) and math.isnan(number))


def _spelled(parameter: Parameter, text: str) -> Any:
    """Return the value that the text spells, or the text."""
    if isinstance(parameter, FloatParameter | IntParameter):
        return _number_of(text)
    choices = (parameter.value,) if isinstance(parameter, FixedParameter) else parameter.choices
    meant = [choice for choice in choices if _spells(text, choice)]
    if len(meant) > 1:
        raise ValueError(f"one of {', '.join(map(repr, choices))}, of which the text can be {len(meant)}")
    return meant[0] if meant else text


def _spells(text: str, choice: Value) -> bool:
    if isinstance(choice, bool):
        return text.strip().lower() == str(choice).lower()
    return text == choice if isinstance(choice, str) else _number_of(text) == choice


def _number_of(found: Any) -> Any:
    """Return the number that a text spells; anything else as it is, without the blanks around a text."""
    if not isinstance(found, str):
        return found
    text = found.strip()
    for number in (int, float):
        try:
            # Python would take `1_0` for 10.
            return text if "_" in text else number(text)
        except ValueError:
            continue
    return text
