"""A value that is calculated from other parameters."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from overnight.campaign.parameters.kind import ParameterKind, Value
from overnight.campaign.problems import Contradictory, Problem, shown
from overnight.campaign.values.expression import Expression, read_expression
from overnight.campaign.values.may_be_revised import MayBeRevised
from overnight.campaign.values.numbers import Real, are_equal, is_number
from overnight.campaign.values.spelling import number_of


def _read(written: Any) -> Expression:
    if isinstance(written, Expression):
        return written
    if not isinstance(written, str):
        raise ValueError(f"expected a calculation such as `1 - salt - acid`, got {shown(written)}")
    return read_expression(written, "parameter")


class DerivedParameter(ParameterKind):
    """A number that follows from other parameters; every evaluation receives it, and it is not tuned.

    With `low` or `high`, only points are allowed whose value lies between them.
    """

    kind: Literal["derived"]
    value: Annotated[
        Expression,
        PlainValidator(_read),
        PlainSerializer(lambda expression: expression.text, return_type=str),
        WithJsonSchema({"type": "string", "description": "a calculation such as `1 - salt - acid`"}),
    ]
    low: Annotated[Real | None, Field(allow_inf_nan=False), MayBeRevised.ON_REQUEST] = None
    high: Annotated[Real | None, Field(allow_inf_nan=False), MayBeRevised.ON_REQUEST] = None

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> Self:
        if self.was is not None:
            text = f"expected none, because the value is calculated for earlier trials as well, got {shown(self.was)}"
            raise Contradictory([Problem(("was",), text)])
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"expected low < high, got {self.low:g} and {self.high:g}")
        return self

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Return the lowest and the highest number if both are given."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def problem_of(self, value: float) -> str | None:
        """Return what is wrong with a calculated value; None if it is allowed."""
        low, high = (-math.inf if self.low is None else self.low), (math.inf if self.high is None else self.high)
        if low <= value <= high:
            return None
        return f"expected `{self.value.text}` to be {self._range()}, got {value:g}"

    def is_same(self, given: Any, value: float) -> bool:
        """Return whether a given value is the calculated one, but for rounding."""
        return is_number(given) and are_equal(given, value)

    def canonical(self, value: Any) -> float:
        """Return the value as a number; the text of a ValueError describes valid values."""
        if not is_number(value) or not math.isfinite(value):
            raise ValueError("a number")
        return float(value)

    def distance(self, one: Value, other: Value) -> float:
        """Return the distance between two values as a fraction of the range, or 1 if it has no range."""
        if self.bounds is None:
            return float(one != other)
        return abs(float(other) - float(one)) / (self.bounds[1] - self.bounds[0])

    def spelled(self, text: str) -> Any:
        """Return the number that a text spells, or the text."""
        return number_of(text)

    def described(self) -> str:
        """Return the calculation in words."""
        limited = "" if self.low is None and self.high is None else f", {self._range()}"
        return f"{self.value.text}{limited}{f' {self.unit}' if self.unit else ''}"

    def _range(self) -> str:
        if self.low is not None and self.high is not None:
            return f"between {self.low:g} and {self.high:g}"
        return f"at least {self.low:g}" if self.low is not None else f"at most {self.high:g}"
