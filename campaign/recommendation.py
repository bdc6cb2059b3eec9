"""A recommendation: the configuration believed to be best, with its uncertainty."""

from pydantic import BaseModel, ConfigDict

from overnight.campaign.space import Point
from overnight.campaign.values.read_only import GivesItsPoint


class Recommendation(GivesItsPoint, BaseModel):
    """The point with the best posterior mean, of the observed points or of all; never the luckiest noisy value.

    `trial` is None if the point has not been observed. `mean` and `sd` are the model's, for the true value of the
    objective in its own unit. `probability_best` is the probability that this point is the best of itself and all
    observed points. `baseline_mean` and `baseline_sd` are None if no baseline was observed. `without_model` is the
    reason why no model could be computed. In that case the point is the one with the best measurement, `sd` is its
    standard error, and every point is equally likely to be best.
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
