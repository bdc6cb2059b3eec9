"""A value that a metric should be as close to as possible."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from overnight.campaign.evaluation import Measurement
from overnight.campaign.goal.calculated import calculated_from
from overnight.campaign.values.expression import read_expression
from overnight.campaign.values.numbers import Real


class Target(BaseModel):
    """The wanted `value` of a `metric`, which may be calculated from others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Annotated[str, Field(min_length=1)]
    value: Annotated[Real, Field(allow_inf_nan=False)]

    @field_validator("metric")
    @classmethod
    def _can_be_calculated_with(cls, metric: str) -> str:
        read_expression(metric)
        return metric

    def found_in(self, measured: Mapping[str, Measurement]) -> Measurement | None:
        """Return the metric as calculated from measured ones, or else as measured itself; None if it is neither."""
        if self.is_calculated:
            with suppress(ValueError):
                return calculated_from(read_expression(self.metric), measured)
        return measured.get(self.metric)

    @property
    def is_calculated(self) -> bool:
        """Return whether the metric is a calculation where the distance is read: `-gain` is one, `p99-ms` is a name."""
        with suppress(ValueError):
            return read_expression(self.distance).names != (self.metric,)
        return False

    @property
    def distance(self) -> str:
        """Return the calculation that is minimized, such as `abs(gain_db - 60)`."""
        sign, size = "-" if self.value >= 0 else "+", repr(abs(self.value)).removesuffix(".0")
        return f"abs({self.metric} {sign} {size})"
