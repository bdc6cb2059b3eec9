"""The keys of a campaign file that only an A/B test has."""

import math
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from overnight.campaign.values.duration import Duration
from overnight.campaign.values.numbers import WHOLE, Real, Truth

_Share = Annotated[Real, Field(gt=0, lt=1)]
_DAY = timedelta(days=1)
_LOOKS = {"hourly": timedelta(hours=1), "daily": _DAY, "weekly": timedelta(weeks=1)}
_MOST_UNITS = 10**15


class Traffic(BaseModel):
    """The traffic of a batch: `per_batch` units, such as users, are divided among the arms that run at the same time.

    `status_quo` is the share of the status quo. By default it is that for which the comparisons with it are the most
    exact: √k times the share of each of k other arms (Dunnett 1955).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Annotated[str, Field(min_length=1, max_length=60)] = "units"
    per_batch: Annotated[int, Field(ge=2, le=_MOST_UNITS), WHOLE]
    status_quo: _Share | None = None

    def share_of_status_quo(self, others: int) -> float:
        """Return the share of the status quo among so many other arms."""
        if self.status_quo is not None:
            return self.status_quo
        return math.sqrt(others) / (others + math.sqrt(others))


def _read_looks(value: Any) -> Any:
    return _LOOKS.get(value, value) if isinstance(value, str) else value


class Decide(BaseModel):
    """When an arm is called better than the status quo.

    With a probability of `at_least`, no such statement of a campaign is false, however often people look. A running
    batch is looked at `daily`, `hourly`, `weekly` or after each duration such as 6h.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_least: Annotated[Real, Field(gt=0.5, lt=1)] = 0.95
    looks: Annotated[Duration, BeforeValidator(_read_looks)] = _DAY


class RampUp(BaseModel):
    """The stages through which the best arm goes, each a share of the traffic that was not used to find it.

    The status quo has the rest of the traffic. With `approve`, each stage waits until a person approves it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stages: Annotated[tuple[_Share, ...], Field(min_length=1, max_length=20)] = (0.5,)
    approve: Truth = False

    @field_validator("stages")
    @classmethod
    def _grow(cls, stages: tuple[float, ...]) -> tuple[float, ...]:
        for before, after in pairwise(stages):
            if after <= before:
                raise ValueError(f"expected growing shares of the traffic, got {after:g} after {before:g}")
        return stages
