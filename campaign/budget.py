"""How much a campaign may spend, and when it has found enough."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign.values.duration import Duration
from overnight.campaign.values.numbers import WHOLE, Real, Truth

# The largest count allowed: dividing by an integer too large for a float would end the campaign.
MOST = 1_000_000_000


class Budget(BaseModel):
    """The most that may be spent.

    Every started trial counts once in `trials`, however it ends; imported results do not count. `evaluations` counts
    attempts, including repeated ones. `cost` is in the unit in which the evaluator reports costs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trials: Annotated[int, Field(ge=1, le=MOST), WHOLE]
    wall_clock: Duration | None = None
    evaluations: Annotated[int, Field(ge=1, le=MOST), WHOLE] | None = None
    cost: Annotated[Real, Field(gt=0, allow_inf_nan=False)] | None = None


class StopWhen(BaseModel):
    """When to finish: one more trial is expected to improve on the best by less than `expected_gain_below`.

    `expected_gain_below` is in the metric's own unit. `in_a_row` consecutive decisions must expect less than that. With
    `advice_only` the campaign continues, and only reports that it could stop.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    expected_gain_below: Annotated[Real, Field(gt=0, allow_inf_nan=False)]
    in_a_row: Annotated[int, Field(ge=1, le=MOST), WHOLE] = 3
    advice_only: Truth = False
