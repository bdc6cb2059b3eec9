"""The kinds of parameters, each with its values, its distances, its description and the spelling of its values.

Each kind is a class of this module and a line of `Parameter`. The features of a kind on the unit cube are in
`overnight.bo_core.data.encoding`.
"""

import math
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from overnight.campaign.values.may_be_revised import MayBeRevised
from overnight.campaign.values.number_line import Scale, place_of
from overnight.campaign.values.numbers import WHOLE, Real
from overnight.campaign.values.spelling import number_of, spells

Value = bool | int | float | str


class _Parameter(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str | None = None
    description: str | None = None

    # Whether a search may choose the value, and whether there are distances between values.
    is_tuned: ClassVar[bool] = True
    has_distances: ClassVar[bool] = True


class _Bounded(Protocol):
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def scale(self) -> Scale: ...
    @property
    def unit(self) -> str | None: ...


class _Number(_Parameter):
    """A number between two bounds; each kind declares the bounds in its own type."""

    @property
    def listed(self) -> tuple[Value, ...]:
        """Return an empty tuple: the values of a number are not listed."""
        return ()

    @property
    def is_logarithmic(self: _Bounded) -> bool:
        """Return whether distances are ratios."""
        return self.scale == "log"

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> Self:
        _check_bounds(cast(_Bounded, self))
        return self

    def distance(self: _Bounded, one: Value, other: Value) -> float:
        """Return the distance between two values on the parameter's scale, as a fraction of the range."""
        ends = (self.low, self.high, float(one), float(other))
        low, high, a, b = map(math.log, ends) if self.scale == "log" else ends
        if math.isinf(high - low):
            return abs(place_of(b, low, high, "linear") - place_of(a, low, high, "linear"))
        return abs(b - a) / (high - low)

    def spelled(self, text: str) -> Any:
        """Return the number that a text spells, or the text."""
        return number_of(text)

    def described(self: _Bounded) -> str:
        """Return the values in words."""
        low, high = (f"{bound:g}" if isinstance(bound, float) else str(bound) for bound in (self.low, self.high))
        return f"{low} to {high}{f' {self.unit}' if self.unit else ''}{', log' if self.scale == 'log' else ''}"


class FloatParameter(_Number):
    """A real number between two bounds, searched on a linear or a logarithmic scale."""

    kind: Literal["float"]
    low: Annotated[Real, Field(allow_inf_nan=False), MayBeRevised.ON_REQUEST]
    high: Annotated[Real, Field(allow_inf_nan=False), MayBeRevised.ON_REQUEST]
    scale: Scale = "linear"

    def canonical(self, value: Any) -> float:
        """Return the value as this parameter's type; the text of a ValueError describes valid values."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.low <= value <= self.high:
            raise ValueError(f"a number between {self.low:g} and {self.high:g}")
        return float(value)


class IntParameter(_Number):
    """A whole number between two bounds, both included."""

    kind: Literal["int"]
    low: Annotated[int, Field(ge=-(2**53), le=2**53), WHOLE, MayBeRevised.ON_REQUEST]
    high: Annotated[int, Field(ge=-(2**53), le=2**53), WHOLE, MayBeRevised.ON_REQUEST]
    scale: Scale = "linear"

    def canonical(self, value: Any) -> int:
        """Return the value as this parameter's type; the text of a ValueError describes valid values."""
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole or not self.low <= value <= self.high:
            raise ValueError(f"a whole number between {self.low} and {self.high}")
        return int(value)


class _HasList(Protocol):
    @property
    def listed(self) -> tuple[Value, ...]: ...


class _Listed(_Parameter):
    """A value from a list, which each kind declares as `listed`."""

    is_logarithmic: ClassVar[bool] = False

    def spelled(self: _HasList, text: str) -> Any:
        """Return the value that a text spells, or the text; raises ValueError if it spells several values."""
        meant = [value for value in self.listed if spells(text, value)]
        if len(meant) > 1:
            raise ValueError(f"one of {', '.join(map(repr, self.listed))}, of which the text matches {len(meant)}")
        return meant[0] if meant else text

    def described(self: _HasList) -> str:
        """Return the values in words."""
        return ", ".join(map(str, self.listed))


class _Choice(_Listed):
    choices: Annotated[tuple[Value, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _choices_differ(self) -> "_Choice":
        for position, choice in enumerate(self.choices):
            if isinstance(choice, float) and not math.isfinite(choice):
                raise ValueError(f"expected finite choices, got {choice}")
            if choice in self.choices[:position]:
                raise ValueError(f"expected distinct choices, got {choice!r} twice")
        return self

    @property
    def listed(self) -> tuple[Value, ...]:
        """Return the choices in their order."""
        return self.choices

    def canonical(self, value: Any) -> Value:
        """Return the choice that equals the value; the text of a ValueError describes valid values."""
        for choice in self.choices:
            if choice == value and isinstance(choice, bool) == isinstance(value, bool):
                return choice
        raise ValueError(f"one of {', '.join(map(repr, self.choices))}")


class CategoricalParameter(_Choice):
    """One of several choices without an order."""

    kind: Literal["categorical"]

    has_distances: ClassVar[bool] = False

    def distance(self, one: Value, other: Value) -> float:
        """Return 1, the whole range, if the two differ, else 0."""
        return float(one != other)


class OrdinalParameter(_Choice):
    """One of several choices, listed in order."""

    kind: Literal["ordinal"]

    def distance(self, one: Value, other: Value) -> float:
        """Return the number of steps between two choices, as a fraction of all steps."""
        return abs(self.choices.index(other) - self.choices.index(one)) / (len(self.choices) - 1)


class FixedParameter(_Listed):
    """A value that every evaluation receives and that is not tuned."""

    kind: Literal["fixed"]
    value: Value

    is_tuned: ClassVar[bool] = False

    @model_validator(mode="after")
    def _finite(self) -> "FixedParameter":
        if isinstance(self.value, float) and not math.isfinite(self.value):
            raise ValueError(f"expected a finite value, got {self.value}")
        return self

    @property
    def listed(self) -> tuple[Value, ...]:
        """Return the one value."""
        return (self.value,)

    def distance(self, one: Value, other: Value) -> float:
        """Return 0: the value never changes."""
        del one, other
        return 0.0

    def canonical(self, value: Any) -> Value:
        """Return the fixed value; the text of a ValueError describes valid values."""
        if value != self.value or isinstance(value, bool) != isinstance(self.value, bool):
            raise ValueError(f"the fixed value {self.value!r}")
        return self.value


Parameter = Annotated[
    FloatParameter | IntParameter | CategoricalParameter | OrdinalParameter | FixedParameter,
    Field(discriminator="kind"),
]


def _check_bounds(number: _Bounded) -> None:
    if not number.low < number.high:
        raise ValueError(f"expected low < high, got {number.low:g} and {number.high:g}")
    if number.scale == "log" and number.low <= 0:
        raise ValueError(f"expected low > 0 on a log scale, got {number.low:g}")
