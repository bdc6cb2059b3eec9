"""What a campaign file may ask for under `proposer:`, with defaults that most files leave alone."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class BayesianProposer(BaseModel):
    """A Gaussian process and noisy expected improvement, after a Sobol start.

    `initial` counts the first points that are not the model's, baseline and `start_with` included; the
    default grows with the number of parameters and leaves the model two thirds of the budget.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["bayesian"] = "bayesian"
    initial: Annotated[int, Field(ge=1)] | None = None
    draws: Annotated[int, Field(ge=16, le=16_384)] = 128
    restarts: Annotated[int, Field(ge=1, le=200)] = 10
    raw_points: Annotated[int, Field(ge=16, le=65_536)] = 512
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def initial_points(self, parameters: int, trials: int) -> int:
        """Return how many points come before the model's first."""
        if self.initial is not None:
            return self.initial
        return max(min(2 * parameters, trials // 3), min(4, trials))


class SobolProposer(BaseModel):
    """Points that fill the space evenly and never look at a result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sobol"] = "sobol"


AnyProposer = Annotated[BayesianProposer | SobolProposer, Field(discriminator="kind")]
