"""The improbable rule: stop a trial whose result is unlikely to be feasible and among the best."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign.values.numbers import WHOLE, Real


class ImprobableRule(BaseModel):
    """Stops a trial if the probability that its result will be feasible and not dominated falls below `below`.

    It is compared with the results of the campaign so far: with one objective, with the best feasible one; with
    several, with their front. The end of each metric is predicted from its reports by the trials that have given a
    result. No trial is stopped before step `after_step`, while fewer than `after_trials` results can be learnt from, or
    before a result is feasible.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["improbable"] = "improbable"
    below: Annotated[Real, Field(gt=0, lt=1)] = 0.05
    after_step: Annotated[int, Field(ge=0), WHOLE] = 1
    after_trials: Annotated[int, Field(ge=4), WHOLE] = 5
