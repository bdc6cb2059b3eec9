"""A whole number."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from overnight.campaign.parameters.kind import Geometry
from overnight.campaign.parameters.number import NumberKind, on_grid, steps_of
from overnight.campaign.values.grid import Grid
from overnight.campaign.values.may_be_revised import MayBeRevised
from overnight.campaign.values.numbers import WHOLE, is_whole


class IntParameter(NumberKind):
    """A whole number between two bounds, both included; with a `step`, one of low, low + step, …, high."""

    kind: Literal["int"]
    low: Annotated[int, Field(ge=-(2**53), le=2**53), WHOLE, MayBeRevised.ON_REQUEST]
    high: Annotated[int, Field(ge=-(2**53), le=2**53), WHOLE, MayBeRevised.ON_REQUEST]
    step: Annotated[int, Field(ge=1, le=2**54), WHOLE] | None = None
    scale: Literal["linear", "log"] = "linear"

    @property
    def geometry(self) -> Geometry:
        """Return all whole numbers, or a grid if the step leaves some out."""
        return "whole" if self.step in (None, 1) else "grid"

    @property
    def levels(self) -> Sequence[int] | Grid:
        """Return every value in order."""
        grid = self.grid if self.geometry == "grid" else None
        return range(self.low, self.high + 1) if grid is None else grid

    def canonical(self, value: Any) -> int:
        """Return the value as this parameter's type; the text of a ValueError describes valid values."""
        expected = f"a whole number between {self.low} and {self.high}{steps_of(self.step)}"
        whole = is_whole(value) or (isinstance(value, float) and value.is_integer())
        if not whole or not self.low <= value <= self.high:
            raise ValueError(expected)
        return int(value if self.grid is None else on_grid(self.grid, value, expected))
