"""A whole number."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from overnight.campaign.parameters.kind import Geometry
from overnight.campaign.parameters.number import NumberKind
from overnight.campaign.values.may_be_revised import MayBeRevised
from overnight.campaign.values.number_line import Scale
from overnight.campaign.values.numbers import WHOLE


class IntParameter(NumberKind):
    """A whole number between two bounds, both included."""

    geometry: ClassVar[Geometry | None] = "whole"

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
