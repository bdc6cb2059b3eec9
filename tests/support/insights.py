"""Insights of tests, from plain numbers."""

from collections.abc import Sequence

from overnight.campaign import Campaign, Point
from overnight.campaign.insight import Insight, InsightOfMetric, Slice
from overnight.campaign.parameters import Value


def slice_of(parameter: str, values: Sequence[Value], mean: Sequence[float | None], sd: float = 0.1) -> Slice:
    """Return a certain slice whose interval is so wide."""
    low = tuple(None if each is None else each - 1.645 * sd for each in mean)
    high = tuple(None if each is None else each + 1.645 * sd for each in mean)
    return Slice(parameter=parameter, values=tuple(values), mean=tuple(mean), low=low, high=high, certain=0.999)


def insight_at(campaign: Campaign, point: Point, slices: Sequence[Slice]) -> Insight:
    """Return an insight that is the same for each objective."""
    metrics = [objective.metric for objective in campaign.goal.objectives]
    return Insight(
        point=point, metrics=tuple(InsightOfMetric(metric=metric, slices=tuple(slices)) for metric in metrics)
    )
