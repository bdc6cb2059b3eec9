"""How thorough an evaluation is: cheap and inaccurate at low values; only results at the highest one count."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, model_validator

from overnight.campaign.parameters.kind import ParameterKind, Value
from overnight.campaign.values.number_line import Scale, place_of
from overnight.campaign.values.numbers import Real, Truth
from overnight.campaign.values.spelling import number_of

# Larger whole numbers than these are not exact as floats.
_LARGEST = 2**53
Number = Annotated[int, Strict(), Field(ge=-_LARGEST, le=_LARGEST)] | Annotated[Real, Field(allow_inf_nan=False)]

# Neighbouring levels differ by this factor in cost, as in Hyperband (Li et al. 2018).
_FACTOR = 3.0
_MOST_LEVELS = 7


class FidelityParameter(ParameterKind):
    """The fidelity of an evaluation, such as its epochs or the rows that it reads; `high` is the fidelity that counts.

    Trials take one of the `values`, by default those that a factor of three lies between. An evaluation costs its share
    of `high`, plus an `overhead`, in units of a full evaluation without overhead. If evaluations can `resume`, one that
    continues from a lower fidelity costs only the rest. If reports are a `curve`, a report at a step is a result at
    that fidelity. The fidelity is whole if both bounds are.
    """

    kind: Literal["fidelity"] = "fidelity"
    low: Number
    high: Number
    scale: Literal["linear", "log"] = "linear"
    values: tuple[Number, ...] = ()
    overhead: Annotated[Real, Field(ge=0, allow_inf_nan=False)] = 0.0
    resume: Truth = False
    curve: Truth = False

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not 0 <= self.low < self.high:
            raise ValueError(f"expected 0 <= low < high, got {self.low:g} and {self.high:g}")
        if self.scale == "log" and self.low == 0:
            raise ValueError(f"expected low > 0 on a log scale, got {self.low:g}")
        if self.values and (sorted(set(self.values)) != list(self.values) or self.values[-1] != self.high):
            given = ", ".join(f"{value:g}" for value in self.values)
            raise ValueError(f"expected values in ascending order, of which the last is high, got {given}")
        if self.values and not self.low <= self.values[0]:
            raise ValueError(f"expected values of at least low, got {self.values[0]:g}")
        if self.is_whole and any(value != int(value) for value in self.values):
            given = ", ".join(f"{value:g}" for value in self.values)
            raise ValueError(f"expected whole values, because low and high are whole, got {given}")
        if self.values and self.values[0] == 0 and self.overhead == 0:
            raise ValueError("expected an `overhead` above 0 with a value of 0, which would cost nothing")
        if len(self.levels) == 1:
            low, high = f"{self.low:g}", f"{self.high:g}"
            text = f"expected a lower fidelity than high, found none from {low} to {high}"
            raise ValueError(f"{text}; write {high}.0 for fractions" if self.is_whole and not self.values else text)
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Return the lowest and the highest fidelity."""
        return self.low, self.high

    @property
    def is_logarithmic(self) -> bool:
        """Return whether distances are ratios."""
        return self.scale == "log"

    @property
    def is_whole(self) -> bool:
        """Return whether only whole numbers are fidelities."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def fixed_value(self) -> Value:
        """Return the full fidelity, which a point has unless it names another one."""
        return self.high

    @property
    def levels(self) -> tuple[float, ...]:
        """Return the fidelities of trials, the lowest first."""
        if self.values:
            return tuple(self.canonical(value) for value in self.values)
        found, value = [self.high], self.high / _FACTOR
        while value > self.low * math.sqrt(_FACTOR) and len(found) < _MOST_LEVELS - 1:
            found.append(round(value) if self.is_whole else value)
            value /= _FACTOR
        found += [self.low] if self.low > 0 else []
        return tuple(dict.fromkeys(self.canonical(value) for value in reversed(found) if value > 0))

    def missing(self, value: float) -> float:
        """Return how much of the fidelity is missing: 0 at the highest one and 1 at the lowest."""
        return min(max(1.0 - place_of(value, self.low, self.high, self._scale), 0.0), 1.0)

    def cost(self, value: float, since: float | None = None) -> float:
        """Return the cost of an evaluation, of one that continues `since` a lower fidelity only that of the rest."""
        begun = since if self.resume and since is not None else 0.0
        return self.overhead + max(value - begun, 0.0) / self.high

    def canonical(self, value: Any) -> float:
        """Return the fidelity as a number; the text of a ValueError describes valid values."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.low <= value <= self.high or (self.is_whole and value != int(value)):
            raise ValueError(f"{'a whole number' if self.is_whole else 'a number'} from {self.low:g} to {self.high:g}")
        return int(value) if self.is_whole else float(value)

    def distance(self, one: Value, other: Value) -> float:
        """Return the distance between two fidelities as a fraction of the range."""
        return abs(self.missing(float(other)) - self.missing(float(one)))

    def spelled(self, text: str) -> Any:
        """Return the number that a text spells, or the text."""
        return number_of(text)

    def described(self) -> str:
        """Return the values in words."""
        levels = ", ".join(f"{level:g}" for level in self.levels)
        return f"{levels}{f' {self.unit}' if self.unit else ''}; {self.high:g} is full fidelity"

    @property
    def _scale(self) -> Scale:
        return self.scale
