"""Asynchronous successive halving: at each rung, stop a trial that is not among the best so far."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign.stopping.curve import Curve
from overnight.campaign.stopping.reason import Reason
from overnight.campaign.values.numbers import WHOLE


class SuccessiveHalvingRule(BaseModel):
    """Stops a trial at a rung if it is not among the best 1/`reduction` of all that have reached the rung.

    Rungs are the steps `first_step` · `reduction`ᵏ; a trial's value at a rung is its first one at or after that step.
    This is the asynchronous variant in which trials are stopped rather than promoted (after Li et al. 2020, "A system
    for massively parallel hyperparameter tuning"): a trial is judged once at each rung, when it arrives there, against
    the trials that arrived before it. The first `reduction` − 1 trials to arrive continue, since there are too few to
    compare.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["successive_halving"] = "successive_halving"
    reduction: Annotated[int, Field(ge=2), WHOLE] = 3
    first_step: Annotated[int, Field(ge=1), WHOLE] = 1

    def should_stop(self, curve: Curve, others: Sequence[Curve], step: int) -> Reason | None:
        """Return why the trial should stop, now that it has reported at `step`; None if it continues."""
        for rung in self._rungs_up_to(step):
            if (reason := self._judged(curve, others, rung, step)) is not None:
                return reason
        return None

    def _judged(self, curve: Curve, others: Sequence[Curve], rung: int, step: int) -> Reason | None:
        arrived = curve.first_from(rung)
        if arrived is None or arrived[0] != step:
            return None
        value = arrived[1]
        there = [found[1] for other in others if (found := other.first_from(rung)) is not None]
        ranked = sorted([*there, value], reverse=True)
        if len(ranked) < self.reduction:
            return None
        kept = len(ranked) // self.reduction
        threshold = ranked[kept - 1]
        if value >= threshold:
            return None
        against = f"the best {kept} of {len(ranked)} trials at rung {rung}"
        return Reason(self.rule, step, value, threshold, len(ranked) - 1, "its value", against)

    def _rungs_up_to(self, step: int) -> Iterator[int]:
        rung = self.first_step
        while rung <= step:
            yield rung
            rung *= self.reduction
