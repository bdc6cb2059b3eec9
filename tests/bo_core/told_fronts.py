"""Small campaigns with several objectives, and histories of results that are written down."""

from collections.abc import Mapping, Sequence
from typing import Any

from told_campaigns import NOON, attempt, cube, defined, proposed

from overnight.campaign import Campaign, History, Measurement, Point
from overnight.campaign.history.events import AttemptFailed, Event, TrialFailed, TrialObserved

Metrics = Mapping[str, float]
# Size is to be small and speed to be high.
SIZE_AND_SPEED = ({"minimize": "size"}, {"maximize": "speed"})


def front_campaign(d: int = 2, objectives: Sequence[Mapping[str, Any]] = SIZE_AND_SPEED, **more: Any) -> Campaign:
    """Return a campaign on the unit cube whose results are exact unless `more` overrides that."""
    fields = {"name": "told", "parameters": cube(d), "objectives": objectives, "budget": {"trials": 100}}
    return Campaign.model_validate({**fields, "noise": "none", **more})


def told_front(
    campaign: Campaign, points: Sequence[Point], results: Sequence[Metrics], sem: float | None = None
) -> History:
    """Return a history of results; one that lacks an objective is a failed trial, whose metrics are kept."""
    events: list[Event] = [defined(campaign)]
    needed = {objective.metric for objective in campaign.goal.objectives}
    for i, (point, result) in enumerate(zip(points, results, strict=True), start=1):
        metrics = {name: Measurement(mean=mean, sem=sem) for name, mean in result.items()}
        events += [proposed(i, campaign.space.point(point)), attempt(i)]
        at = {"time": NOON, "actor": "test", "trial": i, "attempt": 1}
        if needed <= {*metrics}:
            events.append(TrialObserved(**at, metrics=metrics))
        else:
            end = {**at, "cause": "configuration", "message": "no"}
            events += [AttemptFailed(**end, will_retry=False, seconds=1.0, metrics=metrics), TrialFailed(**end)]
    return History.from_events(events)
