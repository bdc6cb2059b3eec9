"""The belief about a metric over two parameters."""

from pydantic import BaseModel, ConfigDict

from overnight.campaign.parameters import Value


class Contour(BaseModel):
    """The mean of the belief about a metric over two parameters, `across` and `up`, through a point.

    `mean` has a row for each of the values `at_up`, and in it a mean for each of the values `at_across`; None if
    constraints forbid the point.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    across: str
    up: str
    at_across: tuple[Value, ...]
    at_up: tuple[Value, ...]
    mean: tuple[tuple[float | None, ...], ...]
