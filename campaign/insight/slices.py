"""The belief about a metric along a parameter."""

from pydantic import BaseModel, ConfigDict

from overnight.campaign.parameters import Value


class Slice(BaseModel):
    """The belief about a metric's true value along one `parameter` through a point.

    At each of the `values`, which are in the order of the parameter's axis, the mean is `mean` and the true value lies
    between `low` and `high` with a probability of 90 %; all three are None if constraints forbid the point. `certain`
    is the probability that the true value at the best of them is better than at the worst of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameter: str
    values: tuple[Value, ...]
    mean: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    certain: float
