"""Parameters, the space that they span, and the points in it."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from overnight.campaign.errors import InvalidPoint
from overnight.campaign.problems import Problem, shown, unknown_key
from overnight.campaign.values.may_be_revised import MayBeRevised
from overnight.campaign.values.read_only import ReadOnly

Value = bool | int | float | str
Point = ReadOnly[dict[str, Value]]


class _Parameter(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str | None = None
    description: str | None = None


class FloatParameter(_Parameter):
    """A real number between two bounds, searched on a linear or a logarithmic scale."""

    kind: Literal["float"]
    low: Annotated[float, Field(allow_inf_nan=False), MayBeRevised.ON_REQUEST]
    high: Annotated[float, Field(allow_inf_nan=False), MayBeRevised.ON_REQUEST]
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> "FloatParameter":
        _check_bounds(self.low, self.high, self.scale)
        return self

    def canonical(self, value: Any) -> float:
        """Return the value as this parameter's type; ValueError says what was expected."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"a number between {self.low:g} and {self.high:g}")
        if not self.low <= value <= self.high:
            raise ValueError(f"a number between {self.low:g} and {self.high:g}")
        return float(value)


class IntParameter(_Parameter):
    """A whole number between two bounds, both included."""

    kind: Literal["int"]
    low: Annotated[int, Field(ge=-(2**53), le=2**53), MayBeRevised.ON_REQUEST]
    high: Annotated[int, Field(ge=-(2**53), le=2**53), MayBeRevised.ON_REQUEST]
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> "IntParameter":
        _check_bounds(self.low, self.high, self.scale)
        return self

    def canonical(self, value: Any) -> int:
        """Return the value as this parameter's type; ValueError says what was expected."""
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole or not self.low <= value <= self.high:
            raise ValueError(f"a whole number between {self.low} and {self.high}")
        return int(value)


class _Choice(_Parameter):
    choices: Annotated[tuple[Value, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _choices_differ(self) -> "_Choice":
        for position, choice in enumerate(self.choices):
            if isinstance(choice, float) and not math.isfinite(choice):
                raise ValueError(f"expected finite choices, got {choice}")
            if choice in self.choices[:position]:
                raise ValueError(f"expected choices that differ, got {choice!r} twice")
        return self

    def canonical(self, value: Any) -> Value:
        """Return the choice that equals the value; ValueError says what was expected."""
        for choice in self.choices:
            if choice == value and isinstance(choice, bool) == isinstance(value, bool):
                return choice
        raise ValueError(f"one of {', '.join(map(repr, self.choices))}")


class CategoricalParameter(_Choice):
    """One of several choices without an order."""

    kind: Literal["categorical"]


class OrdinalParameter(_Choice):
    """One of several choices given in their order."""

    kind: Literal["ordinal"]


class FixedParameter(_Parameter):
    """A value that every evaluation gets and nobody tunes."""

    kind: Literal["fixed"]
    value: Value

    @model_validator(mode="after")
    def _finite(self) -> "FixedParameter":
        if isinstance(self.value, float) and not math.isfinite(self.value):
            raise ValueError(f"expected a finite value, got {self.value}")
        return self

    def canonical(self, value: Any) -> Value:
        """Return the fixed value; ValueError says what was expected."""
        if value != self.value:
            raise ValueError(f"the fixed value {self.value!r}")
        return self.value


Parameter = Annotated[
    FloatParameter | IntParameter | CategoricalParameter | OrdinalParameter | FixedParameter,
    Field(discriminator="kind"),
]


class Space(RootModel[ReadOnly[dict[Annotated[str, Field(min_length=1)], Parameter]]]):
    """The named parameters of a campaign, in the order of the user's file."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _something_is_tuned(self) -> "Space":
        if not self.tuned():
            raise ValueError("expected at least one parameter that is not fixed")
        return self

    def items(self) -> Iterator[tuple[str, Parameter]]:
        """Iterate over (name, parameter)."""
        return iter(self.root.items())

    def tuned(self) -> dict[str, Parameter]:
        """Return the parameters that are searched, without the fixed ones."""
        return {name: p for name, p in self.root.items() if not isinstance(p, FixedParameter)}

    def point(self, values: Mapping[str, Any]) -> Point:
        """Return the point with these values in canonical types and the fixed ones added.

        Raises InvalidPoint naming each parameter that is unknown, missing or out of its range.
        """
        point, problems = self._read(values)
        if problems:
            raise InvalidPoint("; ".join(f"`{problem.where[0]}`: {problem.text}" for problem in problems))
        return point

    def problems(self, values: Mapping[str, Any]) -> list[Problem]:
        """Return a problem for each parameter that is unknown, missing or out of its range."""
        return self._read(values)[1]

    def _read(self, values: Mapping[str, Any]) -> tuple[Point, list[Problem]]:
        problems = [Problem((name,), unknown_key(name, self.root)) for name in values if name not in self.root]
        point: Point = {}
        for name, parameter in self.items():
            if isinstance(parameter, FixedParameter) and name not in values:
                point[name] = parameter.value
            elif name not in values:
                problems.append(Problem((name,), "expected a value, got nothing"))
            else:
                try:
                    point[name] = parameter.canonical(values[name])
                except ValueError as expected:
                    problems.append(Problem((name,), f"expected {expected}, got {shown(values[name])}"))
        return point, problems


def _check_bounds(low: float, high: float, scale: str) -> None:
    if not low < high:
        raise ValueError(f"expected low < high, got {low:g} and {high:g}")
    if scale == "log" and low <= 0:
        raise ValueError(f"expected low > 0 on a log scale, got {low:g}")
