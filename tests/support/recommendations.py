"""Recommendations of tests about one metric, from plain numbers."""

from typing import Any

from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import Recommendation


def recommendation(
    *,
    mean: float,
    sd: float,
    baseline_mean: float | None = None,
    baseline_sd: float | None = None,
    metric: str = "loss",
    **more: Any,
) -> Recommendation:
    """Return a recommendation with these beliefs about one metric; without a mean the baseline was not observed."""
    baseline = {} if baseline_mean is None else {metric: Prediction(mean=baseline_mean, sd=baseline_sd)}
    predicted = {metric: Prediction(mean=mean, sd=sd)}
    more = {"best_measured": more["trial"]} | more
    return Recommendation(objective=metric, predicted=predicted, baseline=baseline, **more)
