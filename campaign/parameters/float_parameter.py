"""A real number."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from overnight.campaign.parameters.kind import Geometry
from overnight.campaign.parameters.number import NumberKind
from overnight.campaign.values.may_be_revised import MayBeRevised
from overnight.campaign.values.number_line import Scale
from overnight.campaign.values.numbers import Real


class FloatParameter(NumberKind):
    """A real number between two bounds, searched on a linear or a logarithmic scale."""

    geometry: ClassVar[Geometry | None] = "real"

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
