"""The median rule: stop a trial whose best value is worse than the median of the others' running averages."""

from collections.abc import Sequence
from math import isinf
from statistics import median
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign.stopping.curve import Curve
from overnight.campaign.stopping.reason import Reason
from overnight.campaign.values.numbers import WHOLE


class MedianRule(BaseModel):
    """Stops a trial at step s if its best value by s is strictly worse than the median of the others' running averages.

    The others are the trials that have reached s and have ended, on their own or stopped by the rule. Each one's
    running average is taken up to s (Golovin et al. 2017, "Google Vizier", section 3.2.2). No trial is stopped before
    step `after_step`, or while fewer than `after_trials` others can be compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["median"] = "median"
    after_step: Annotated[int, Field(ge=0), WHOLE] = 1
    after_trials: Annotated[int, Field(ge=1), WHOLE] = 5

    def should_stop(self, curve: Curve, others: Sequence[Curve], step: int) -> Reason | None:
        """Return why the trial should stop, now that it has reported at `step`; None if it continues."""
        best = curve.best_by(step)
        if best is None or step < self.after_step:
            return None
        compared = [other for other in others if other.ended and other.reaches(step)]
        averages = [average for other in compared if (average := other.average_by(step)) is not None]
        if len(averages) < self.after_trials:
            return None
        threshold = median(averages)
        if isinf(threshold):
            threshold = 2.0 * median(0.5 * average for average in averages)
        if best >= threshold:
            return None
        against = f"the median of the running averages of {len(averages)} trials"
        return Reason(self.rule, step, best, threshold, len(averages), "its best so far", against)
