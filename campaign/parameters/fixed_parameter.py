"""A value that is not tuned."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import field_validator, model_validator

from overnight.campaign.parameters.kind import Value
from overnight.campaign.parameters.listed import ListedKind
from overnight.campaign.values.may_be_revised import MayBeRevised
from overnight.campaign.values.numbers import is_same, plain


class FixedParameter(ListedKind):
    """A value that every evaluation receives and that is not tuned."""

    kind: Literal["fixed"]
    value: Annotated[Value, MayBeRevised.ON_REQUEST]

    @field_validator("value", mode="before")
    @classmethod
    def _plain_value(cls, given: Any) -> Any:
        return plain(given)

    @model_validator(mode="after")
    def _finite(self) -> Self:
        if isinstance(self.value, float) and not math.isfinite(self.value):
            raise ValueError(f"expected a finite value, got {self.value}")
        return self

    @property
    def fixed_value(self) -> Value:
        """Return the value."""
        return self.value

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
        if not is_same(value, self.value):
            raise ValueError(f"the fixed value {self.value!r}")
        return self.value
