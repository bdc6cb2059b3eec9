"""The importance of a parameter to a metric."""

from pydantic import BaseModel, ConfigDict


class Index(BaseModel):
    """A share of the variance of a metric, between 0 and 1, with the ends of the interval that holds 90 %."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    low: float
    high: float


class Importance(BaseModel):
    """The importance of a parameter to a metric over the whole space, as Sobol' indices.

    `main` is the share of the variance that the parameter explains alone, and `total` the share in which it takes part.
    With constraints between parameters, `main` is not defined, and None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameter: str
    main: Index | None
    total: Index
