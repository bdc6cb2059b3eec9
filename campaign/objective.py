"""What is asked for: one metric, and whether less or more of it is better."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Objective(BaseModel):
    """A metric and the direction in which it gets better."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    direction: Literal["minimize", "maximize"]

    @property
    def sign(self) -> float:
        """Return the factor that turns the metric into something to maximize."""
        return 1.0 if self.direction == "maximize" else -1.0
