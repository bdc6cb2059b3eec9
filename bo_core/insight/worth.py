"""Decide without a model whether a campaign can have an insight, so that others need not import the models."""

from overnight.campaign import Campaign, History
from overnight.campaign.recommendation import Recommendation

# From fewer results, a model has learnt nothing that people should read.
FEWEST = 5


def may_have_insight(campaign: Campaign, history: History, found: Recommendation | None) -> bool:
    """Return False if there is no recommendation by a model, with few results, and for an A/B test.

    The batches of an A/B test drift.
    """
    if found is None or found.without_model is not None or campaign.is_ab_test:
        return False
    return len(history.model_view().observed) >= FEWEST
