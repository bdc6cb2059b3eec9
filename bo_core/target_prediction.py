"""Predictions of a metric that should be close to a target: of its distance, and of the metric itself."""

import torch

from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.surrogate.distance import folded_normal, quantile
from overnight.campaign.history.provenance import Prediction

# The ends of the central interval that holds 90 %, and half its width in standard deviations of a normal value.
_LOW, _HIGH = 0.05, 0.95
_INTERVAL = 1.6448536269514722


def distance_prediction(outcomes: Outcomes, mean: float, sd: float) -> Prediction:
    """Return the prediction of the distance for a metric of this mean and standard deviation, both standardised."""
    assert outcomes.wanted is not None, "expected a wanted value"
    from_target = mean - outcomes.wanted.at
    folded = folded_normal(*torch.tensor([[from_target], [sd]], dtype=torch.float64).unbind())
    low, high = (quantile(from_target, sd, share) for share in (_LOW, _HIGH))
    return Prediction(
        mean=outcomes.mean_in_units(-float(folded.mean)),
        sd=outcomes.spread_in_units(-float(folded.mean), float(folded.variance.sqrt())),
        low=outcomes.mean_in_units(-low),
        high=outcomes.mean_in_units(-high),
    )


def metric_prediction(outcomes: Outcomes, mean: float, sd: float) -> Prediction:
    """Return the prediction of the metric itself, in its own unit, from its standardised moments."""
    low, high = (outcomes.metric_in_units(mean + side * _INTERVAL * sd) for side in (-1.0, 1.0))
    spread = 0.5 * outcomes.metric_in_units(mean + sd) - 0.5 * outcomes.metric_in_units(mean - sd)
    return Prediction(mean=outcomes.metric_in_units(mean), sd=spread, low=low, high=high)
