"""The events of a small campaign, for tests of its report, its artifacts and its messages."""

from typing import Any

from scripted_campaign import a_campaign

from overnight.campaign import History, Measurement
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    Event,
    LeaseTaken,
    TrialObserved,
    TrialProposed,
)
from overnight.flows.host.clock import SystemClock

NOW = SystemClock().now()
POINT = {"x": 0.5, "n": 3}


def defined(**changes: Any) -> History:
    definition = a_campaign(**{"budget": {"trials": 5}} | changes)
    return History.from_events([CampaignDefined(time=NOW, actor="user", uid="ab", definition=definition)])


def lease(epoch: int = 1) -> Event:
    return LeaseTaken(time=NOW, actor="controller", epoch=epoch, host="here", pid=7, started="1")


def proposed(trial: int, *, parked: bool = False) -> Event:
    return TrialProposed(time=NOW, actor="controller", trial=trial, point=POINT, generator="sobol", parked=parked)


def started(trial: int) -> Event:
    return AttemptStarted(time=NOW, actor="controller", trial=trial, attempt=1, key=f"k/{trial}/1")


def observed(trial: int, mean: float, metric: str = "loss") -> Event:
    metrics = {metric: Measurement(mean=mean)}
    return TrialObserved(time=NOW, actor="controller", trial=trial, attempt=1, metrics=metrics)


def measured(trial: int, mean: float, metric: str = "loss") -> list[Event]:
    return [proposed(trial), started(trial), observed(trial, mean, metric)]
