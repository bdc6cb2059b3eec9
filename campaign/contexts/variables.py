"""The variables of a context: a parameter with the values that a campaign is tuned for."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from overnight.campaign.parameters import (
    BoolParameter,
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
    Value,
)
from overnight.campaign.problems import Problem, shown
from overnight.campaign.values.may_be_revised import MayBeRevised
from overnight.campaign.values.numbers import WHOLE, Real


class FloatVariable(FloatParameter):
    """A real number with the `values` that a campaign is tuned for; the bounds only decide how similar they are."""

    values: Annotated[
        tuple[Annotated[Real, Field(allow_inf_nan=False)], ...], Field(min_length=2), MayBeRevised.ON_REQUEST
    ]


class IntVariable(IntParameter):
    """A whole number with the `values` that a campaign is tuned for; the bounds only decide how similar they are."""

    values: Annotated[tuple[Annotated[int, WHOLE], ...], Field(min_length=2), MayBeRevised.ON_REQUEST]


def _in_full(written: Any) -> Any:
    """Return a variable with its kind and bounds, if it is a list of values or leaves them out."""
    if isinstance(written, list | tuple):
        kind = "ordinal" if written and all(map(_is_number, written)) else "categorical"
        return {"kind": kind, "choices": written}
    if not isinstance(written, Mapping) or not isinstance(written.get("values"), list | tuple):
        return written
    numbers = [value for value in written["values"] if _is_number(value)]
    if len(numbers) < len(written["values"]) or not numbers:
        return written
    kind = "int" if all(isinstance(value, int) for value in numbers) else "float"
    return {"kind": kind, "low": min(numbers), "high": max(numbers), **written}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_Variable = Annotated[
    CategoricalParameter | OrdinalParameter | BoolParameter | FloatVariable | IntVariable, Field(discriminator="kind")
]
Variable = Annotated[_Variable, BeforeValidator(_in_full, json_schema_input_type=list[Value] | _Variable)]


def problems_of(variable: _Variable) -> Iterator[Problem]:
    """Yield the problems of the values that a campaign is tuned for."""
    if not isinstance(variable, FloatVariable | IntVariable):
        return
    for position, value in enumerate(variable.values):
        try:
            variable.canonical(value)
        except ValueError as expected:
            yield Problem(("values", position), f"expected {expected}, got {shown(value)}")
        if value in variable.values[:position]:
            yield Problem(("values", position), f"expected distinct values, got {shown(value)} again")


def count_of(variable: _Variable) -> int:
    """Return the number of values that a campaign is tuned for."""
    return len(variable.values if isinstance(variable, FloatVariable | IntVariable) else variable.listed)


def values_of(variable: _Variable) -> tuple[Value, ...]:
    """Return the values that a campaign is tuned for, in the order of the file."""
    if isinstance(variable, FloatVariable | IntVariable):
        return tuple(map(variable.canonical, variable.values))
    return variable.listed
