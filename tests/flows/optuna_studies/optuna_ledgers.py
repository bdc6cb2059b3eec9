"""Events of a campaign with every kind of parameter and a trial in every state, as a ledger to open with Optuna."""

from datetime import UTC, datetime, timedelta
from typing import Any

from overnight.campaign import Campaign, Measurement
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    Event,
    MeasurementReported,
    TrialAbandoned,
    TrialFailed,
    TrialObserved,
    TrialProposed,
    TrialStopped,
)

DEFINITION: dict[str, Any] = {
    "name": "net",
    "description": "a small network",
    "parameters": {
        "rate": {"kind": "float", "low": 0.001, "high": 1, "scale": "log"},
        "drop": {"kind": "float", "low": 0, "high": 0.5, "step": 0.1},
        "keep": {"kind": "float", "low": 0.1, "high": 0.9, "scale": "logit"},
        "layers": {"kind": "int", "low": 2, "high": 8, "step": 2},
        "width": {"kind": "int", "low": 1, "high": 1024, "scale": "log"},
        "optimizer": {"kind": "categorical", "choices": ["adam", "sgd"]},
        "momentum": {"kind": "float", "low": 0, "high": 1, "when": {"optimizer": "sgd"}},
        "bias": {"kind": "bool"},
        "size": {"kind": "ordinal", "choices": [16, 32, 128]},
        "epochs": {"kind": "fixed", "value": 30},
        "units": {"kind": "derived", "value": "layers * width"},
    },
    "minimize": "loss",
    "constraints": ["memory <= 4"],
    "budget": {"trials": 20},
}
CAMPAIGN = Campaign.model_validate(DEFINITION)
BEGIN = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
_CHOSEN = {
    "rate": 0.01,
    "drop": 0.2,
    "keep": 0.5,
    "layers": 4,
    "width": 64,
    "optimizer": "adam",
    "bias": True,
    "size": 32,
}


def at(minutes: float) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


def defined(campaign: Campaign = CAMPAIGN) -> CampaignDefined:
    return CampaignDefined(time=at(0), actor="ada", uid=campaign.name, definition=campaign)


def proposed(trial: int, campaign: Campaign = CAMPAIGN, *, parked: bool = False, **chosen: Any) -> TrialProposed:
    written = {**(_CHOSEN if campaign is CAMPAIGN else {}), **chosen}
    point, _ = campaign.space.placed(written)
    return TrialProposed(
        time=at(trial),
        actor="c",
        trial=trial,
        point=point,
        generator="sobol",
        parked=parked,
        parked_because="it is hot" if parked else None,
    )


def started(trial: int) -> AttemptStarted:
    return AttemptStarted(time=at(trial + 0.25), actor="c", trial=trial, attempt=1, key=f"net/{trial}/1")


def reported(trial: int, step: int, loss: float) -> MeasurementReported:
    metrics = {"loss": Measurement(mean=loss)}
    return MeasurementReported(time=at(trial + 0.3), actor="c", trial=trial, attempt=1, step=step, metrics=metrics)


def observed(trial: int, **means: float) -> TrialObserved:
    metrics = {name: Measurement(mean=mean, sem=0.01) for name, mean in means.items()}
    return TrialObserved(time=at(trial + 0.5), actor="c", trial=trial, attempt=1, metrics=metrics, seconds=15.0)


def every_state() -> list[Event]:
    """Return events after which trial 1 to 8 are in different states, and 8 is a repetition of 1 that is infeasible."""
    sgd = {"optimizer": "sgd", "momentum": 0.9}
    ended: dict[str, Any] = {"actor": "c", "attempt": 1}
    return [
        defined(),
        *(proposed(1), started(1), reported(1, 1, 0.9), reported(1, 2, 0.6), observed(1, loss=0.5, memory=3.0)),
        *(proposed(2, **sgd), started(2), reported(2, 1, 0.8)),
        *(proposed(3, rate=0.5), started(3), reported(3, 1, 2.0), reported(3, 4, 1.75)),
        TrialStopped(
            time=at(3.5), trial=3, rule="median", metric="loss", step=4, value=1.75, threshold=0.8, why="worse", **ended
        ),
        *(proposed(4, bias=False), started(4)),
        TrialFailed(time=at(4.5), trial=4, cause="infrastructure", message="no memory left", **ended),
        proposed(5, layers=8),
        proposed(6, size=128, parked=True),
        *(proposed(7, width=1), started(7)),
        TrialAbandoned(time=at(7.5), actor="ada", trial=7, why="useless"),
        *(proposed(8), started(8), observed(8, loss=0.4, memory=4.5)),
    ]
