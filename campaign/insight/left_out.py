"""Predictions of results by a model that has not seen them."""

from pydantic import BaseModel, ConfigDict


class LeftOutResult(BaseModel):
    """The mean of all results at the point of `trial`, and its prediction from all others, in the metric's own unit.

    The measured value was expected between `low` and `high` with a probability of 90 %.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial: int
    measured: float
    predicted: float
    low: float
    high: float


class LeftOut(BaseModel):
    """The predictions of each result of a `metric` from all others, with the hyperparameters fitted to all.

    `explained` is the share of the squared differences between results that the predictions explain, at most 1; below 0
    they are worse than the mean of the others. `noise` is the share of the variance of results that is noise, as the
    model believes. Both are on the model's scale, on which very bad results may be drawn together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    results: tuple[LeftOutResult, ...]
    explained: float
    noise: float
