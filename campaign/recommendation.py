"""A recommendation: the configuration believed to be best, with its uncertainty."""

from pydantic import BaseModel, ConfigDict

from overnight.campaign.space import Point
from overnight.campaign.values.read_only import GivesItsPoint


class Recommendation(GivesItsPoint, BaseModel):
    """The point with the best posterior mean, of the observed ones or of all; never the luckiest noisy value.

    `trial` is None where the point has not been observed. `mean` and `sd` are the model's, for the true value of the
    objective in its own unit; `probability_best` is the probability of being the best of all observed points and
    this one. The baseline's belief is None where none was observed. `without_model` says why no model could be
    computed: then it is the best measurement with its standard error, and each point is as likely to be best.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial: int | None
    point: Point
    mean: float
    sd: float
    probability_best: float
    baseline_mean: float | None = None
    baseline_sd: float | None = None
    probability_better_than_baseline: float | None = None
    without_model: str | None = None
