"""A real number."""

from typing import Annotated, Any, Literal

from pydantic import Field

from overnight.campaign.parameters.kind import Geometry
from overnight.campaign.parameters.number import NumberKind, on_grid, steps_of
from overnight.campaign.values.grid import short
from overnight.campaign.values.may_be_revised import MayBeRevised
from overnight.campaign.values.number_line import Scale
from overnight.campaign.values.numbers import Real, is_number


class FloatParameter(NumberKind):
    """A real number between two bounds; with a `step`, one of low, low + step, …, high.

    Distances are differences on a `linear` scale and ratios on a `log` scale. On a `logit` scale, for numbers strictly
    between 0 and 1, they are ratios of odds: from 0.9 to 0.99 is as far as from 0.1 to 0.01.
    """

    kind: Literal["float"]
    low: Annotated[Real, Field(allow_inf_nan=False), MayBeRevised.ON_REQUEST]
    high: Annotated[Real, Field(allow_inf_nan=False), MayBeRevised.ON_REQUEST]
    step: Annotated[Real, Field(gt=0, allow_inf_nan=False)] | None = None
    scale: Scale = "linear"

    @property
    def geometry(self) -> Geometry:
        """Return a continuum, or a grid if there is a step."""
        return "real" if self.step is None else "grid"

    def canonical(self, value: Any) -> float:
        """Return the value as this parameter's type; the text of a ValueError describes valid values."""
        grid = self.grid
        if grid is not None:
            expected = f"a number between {short(self.low)} and {short(self.high)}{steps_of(self.step)}"
            if not is_number(value):
                raise ValueError(expected)
            return on_grid(grid, value, expected)
        if not is_number(value) or not self.low <= value <= self.high:
            raise ValueError(f"a number between {self.low:g} and {self.high:g}")
        return float(value)
