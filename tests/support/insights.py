"""Insights of tests, from plain numbers."""

from collections.abc import Sequence
from typing import Any

from overnight.campaign import Campaign, Point
from overnight.campaign.insight import Importance, Index, Insight, InsightOfMetric, LeftOut, LeftOutResult, Slice
from overnight.campaign.parameters import Value


def slice_of(parameter: str, values: Sequence[Value], mean: Sequence[float | None], sd: float = 0.1) -> Slice:
    """Return a certain slice whose interval is so wide."""
    low = tuple(None if each is None else each - 1.645 * sd for each in mean)
    high = tuple(None if each is None else each + 1.645 * sd for each in mean)
    return Slice(parameter=parameter, values=tuple(values), mean=tuple(mean), low=low, high=high, certain=0.999)


def importance_of(parameter: str, total: float, *, main: float | None = None, sd: float = 0.02) -> Importance:
    """Return the importance of a parameter with so wide intervals."""

    def index(value: float) -> Index:
        return Index(value=value, low=max(value - 1.645 * sd, 0.0), high=min(value + 1.645 * sd, 1.0))

    return Importance(parameter=parameter, main=None if main is None else index(main), total=index(total))


def left_out_of(
    errors: Sequence[float], *, half_width: float = 1.0, explained: float = 0.8, noise: float = 0.1
) -> LeftOut:
    """Return predictions that are off by these errors, each with an interval so wide on either side."""
    results = [
        LeftOutResult(
            trial=trial,
            measured=trial + error,
            predicted=float(trial),
            low=trial - half_width,
            high=trial + half_width,
        )
        for trial, error in enumerate(errors, 1)
    ]
    return LeftOut(metric="loss", results=tuple(results), explained=explained, noise=noise)


def insight_at(campaign: Campaign, point: Point, slices: Sequence[Slice], **more: Any) -> Insight:
    """Return an insight that is the same for each objective."""
    metrics = [objective.metric for objective in campaign.goal.objectives]
    of_each = (InsightOfMetric(metric=metric, slices=tuple(slices), **more) for metric in metrics)
    return Insight(point=point, metrics=tuple(of_each))
