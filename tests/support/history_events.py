"""The events of a small campaign at given seconds."""

from datetime import UTC, datetime, timedelta

from overnight.campaign import Campaign, Measurement
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    LeaseTaken,
    TrialObserved,
    TrialProposed,
)

DEFINITION = Campaign.model_validate(
    {
        "name": "bread",
        "parameters": {"heat": {"kind": "float", "low": 0, "high": 100}},
        "minimize": "burnt",
        "budget": {"trials": 10},
    }
)


def at(seconds: float) -> datetime:
    return datetime(2026, 3, 1, 22, 0, tzinfo=UTC) + timedelta(seconds=seconds)


def defined(seconds: float = 0) -> CampaignDefined:
    return CampaignDefined(time=at(seconds), actor="ada", uid="u", definition=DEFINITION)


def leased(epoch: int, seconds: float = 0) -> LeaseTaken:
    return LeaseTaken(time=at(seconds), actor="c", epoch=epoch, host="h", pid=1, started="1")


def proposed(trial: int, seconds: float = 0) -> TrialProposed:
    return TrialProposed(time=at(seconds), actor="c", trial=trial, point={"heat": float(trial)}, generator="sobol")


def started(trial: int, attempt: int = 1, seconds: float = 0) -> AttemptStarted:
    key = f"bread/{trial}/{attempt}"
    return AttemptStarted(time=at(seconds), actor="c", trial=trial, attempt=attempt, key=key)


def observed(trial: int, attempt: int = 1, mean: float | None = None) -> TrialObserved:
    metrics = {"burnt": Measurement(mean=label(trial) if mean is None else mean, sem=0.5)}
    return TrialObserved(time=at(0), actor="c", trial=trial, attempt=attempt, metrics=metrics)


def label(trial: int) -> float:
    """Return a result that only this trial can have."""
    return 1000.0 + trial
