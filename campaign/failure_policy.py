"""The policy for failures: when a trial is tried again, and when it or the campaign is given up."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign.budget import MOST
from overnight.campaign.values.duration import Pause
from overnight.campaign.values.numbers import WHOLE

_FAILURES_IN_A_ROW, _PATIENCE_ONCE_MEASURED = 5, 4


class FailurePolicy(BaseModel):
    """When to try again and when to give up.

    `back_off` is the pause before the second attempt; it doubles each time, up to `longest_back_off`. `on_timeout`
    decides whether a timeout is the point's fault or worth another attempt. `when_unknown` decides whether an attempt
    that may still be running on an unreachable machine is considered dead, or a person is asked. The campaign stops
    after `max_in_a_row` trials in a row were given up; without it, the limit follows from the number of workers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_attempts: Annotated[int, Field(ge=1, le=MOST), WHOLE] = 3
    max_in_a_row: Annotated[int, Field(ge=1, le=MOST), WHOLE] | None = None
    back_off: Pause = timedelta(seconds=30)
    longest_back_off: Pause = timedelta(minutes=10)
    on_timeout: Literal["fail", "retry"] = "fail"
    when_unknown: Literal["retry", "ask"] = "retry"

    def limit_in_a_row(self, workers: int, *, measured: bool) -> int:
        """Return how many trials may be given up in a row before nothing more is started.

        The default is the larger of five and the number of workers until something was `measured`, because a broken
        evaluator fails at every point. Later it is four times as many, because the model is learning which regions
        fail.
        """
        return self.max_in_a_row or max(_FAILURES_IN_A_ROW, workers) * (_PATIENCE_ONCE_MEASURED if measured else 1)
