"""Check that an evaluator returns the metrics that a campaign expects."""

from collections.abc import Collection

from overnight.campaign import Campaign


def metric_problems(campaign: Campaign, returned: Collection[str] | None) -> list[str]:
    """Return a sentence for each expected metric that is not returned; no sentence if `returned` is unknown (None)."""
    if returned is None:
        return []
    instead = {part for each in campaign.goal.calculations if each.metric in returned for part in each.asked}
    offered = ", ".join(f"`{name}`" for name in returned) or "nothing"
    return [
        f"`{campaign.key_of(name)}`: expected one of the metrics that the evaluator returns ({offered}), found `{name}`"
        for name in campaign.expected_metrics
        if name not in returned and name not in instead
    ]
