"""Campaigns written event by event, at minutes after a fixed start."""

from datetime import UTC, datetime, timedelta
from typing import Any

from overnight.campaign import Campaign, History, Measurement, Point
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptStarted,
    CampaignDefined,
    CampaignDrained,
    CampaignFinished,
    CampaignPaused,
    Event,
    LeaseTaken,
    TrialAbandoned,
    TrialFailed,
    TrialObserved,
    TrialProposed,
    TrialRejected,
    TrialStopped,
)
from overnight.campaign.history.provenance import Asked, MadeBy, Prediction, Provenance
from overnight.campaign.history.trial import Generator

START = datetime(2026, 11, 3, 21, 0, tzinfo=UTC)
POINT: Point = {"rate": 0.01, "depth": 2, "mode": "fast", "cache": True}
HOSTILE = "<script>alert('x')</script>&\"%{y}"


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def campaign_of(**changes: Any) -> Campaign:
    definition: dict[str, Any] = {
        "name": "rates",
        "parameters": {
            "rate": {"kind": "float", "low": 1e-4, "high": 1.0, "scale": "log", "unit": "1/s"},
            "depth": {"kind": "int", "low": 1, "high": 9},
            "mode": {"kind": "categorical", "choices": ["slow", "fast"]},
            "cache": {"kind": "ordinal", "choices": [False, True]},
        },
        "minimize": "loss",
        "workers": 2,
        "budget": {"trials": 10},
        "baseline": {"rate": 0.1, "depth": 3, "mode": "slow", "cache": False},
    }
    if "maximize" in changes or "objectives" in changes:
        del definition["minimize"]
    return Campaign.model_validate(definition | changes)


class Story:
    """Builds a campaign event by event."""

    def __init__(self, campaign: Campaign | None = None) -> None:
        self.campaign = campaign or campaign_of()
        self.events: list[Event] = [
            CampaignDefined(time=START, actor="user", uid="ab12", definition=self.campaign),
            LeaseTaken(time=START, actor="controller", epoch=1, host="h", pid=1, started="1"),
        ]

    @property
    def history(self) -> History:
        return History.from_events(self.events)

    def proposed(
        self,
        trial: int,
        minute: float,
        point: Point = POINT,
        generator: Generator = "sobol",
        predicted: float | None = None,
    ) -> "Story":
        expected = {} if predicted is None else {self.campaign.objective.metric: Prediction(mean=predicted, sd=0.5)}
        seen = Provenance(made_by=MadeBy(seed=1), predicted=expected, asked=Asked(commit="c0ffee"))
        self.events.append(
            TrialProposed(
                time=at(minute), actor="controller", trial=trial, point=point, generator=generator, provenance=seen
            )
        )
        return self

    def started(self, trial: int, minute: float, attempt: int = 1) -> "Story":
        key = f"k/{trial}/{attempt}"
        self.events.append(AttemptStarted(time=at(minute), actor="controller", trial=trial, attempt=attempt, key=key))
        return self

    def observed(
        self, trial: int, minute: float, mean: float, sem: float | None = None, seconds: float = 60.0, **more: float
    ) -> "Story":
        attempt = sum(1 for e in self.events if isinstance(e, AttemptStarted) and e.trial == trial)
        metrics = {self.campaign.objective.metric: Measurement(mean=mean, sem=sem)}
        metrics |= {name: Measurement(mean=value) for name, value in more.items()}
        self.events.append(
            TrialObserved(
                time=at(minute), actor="controller", trial=trial, attempt=attempt, metrics=metrics, seconds=seconds
            )
        )
        return self

    def failed(
        self, trial: int, minute: float, *, retry: bool = False, message: str = "it broke", seconds: float = 60.0
    ) -> "Story":
        attempt = sum(1 for e in self.events if isinstance(e, AttemptStarted) and e.trial == trial)
        about: dict[str, Any] = {"time": at(minute), "actor": "controller", "trial": trial, "attempt": attempt}
        about |= {"cause": "infrastructure" if retry else "configuration", "message": message}
        self.events.append(AttemptFailed(**about, will_retry=retry, seconds=seconds))
        if not retry:
            self.events.append(TrialFailed(**about))
        return self

    def cancelled(self, trial: int, minute: float) -> "Story":
        """Add the end of an attempt whose trial was stopped or abandoned while it ran."""
        late = {"cause": "cancelled", "message": "the trial ended before this attempt: stopped", "will_retry": False}
        about = {"time": at(minute), "actor": "controller", "trial": trial, "attempt": 1}
        self.events.append(AttemptFailed.model_validate({**about, **late, "seconds": 60}))
        return self

    def stopped(self, trial: int, minute: float) -> "Story":
        """Add the stop of a started trial by a rule."""
        why = "at step 3 its value of loss, 4, was worse than 2, the median of 3 trials (median rule)"
        about: dict[str, Any] = {"rule": "median", "metric": "loss", "step": 3, "value": 4, "threshold": 2, "why": why}
        self.events.append(TrialStopped(time=at(minute), actor="controller", trial=trial, attempt=1, **about))
        return self.cancelled(trial, minute)

    def abandoned(self, trial: int, minute: float, why: str) -> "Story":
        self.events.append(TrialAbandoned(time=at(minute), actor="ada@home", trial=trial, why=why))
        return self

    def parked(self, trial: int, minute: float, because: str) -> "Story":
        """Add a proposal that waits for approval."""
        self.proposed(trial, minute)
        self.events[-1] = self.events[-1].model_copy(update={"parked": True, "parked_because": because})
        return self

    def rejected(self, trial: int, minute: float, why: str) -> "Story":
        self.events.append(TrialRejected(time=at(minute), actor="ada@home", trial=trial, why=why))
        return self

    def paused(self, minute: float) -> "Story":
        self.events.append(CampaignPaused(time=at(minute), actor="ada@home", request=1, why="the oven is cleaned"))
        return self

    def tried(
        self,
        trial: int,
        minute: float,
        mean: float,
        sem: float | None = None,
        point: Point = POINT,
        generator: Generator = "sobol",
        **more: float,
    ) -> "Story":
        """Add a trial that is proposed and started, and observed a minute later, with `more` metrics."""
        self.proposed(trial, minute, point, generator).started(trial, minute)
        return self.observed(trial, minute + 1, mean, sem, **more)

    def imported(self, trial: int, minute: float, mean: float) -> "Story":
        """Add an imported result: a trial without an attempt."""
        metrics = {self.campaign.objective.metric: Measurement(mean=mean)}
        point = TrialProposed(time=at(minute), actor="import", trial=trial, point=POINT, generator="import")
        result = TrialObserved(time=at(minute), actor="import", trial=trial, attempt=0, metrics=metrics)
        self.events += [point, result]
        return self

    def drained(self, minute: float) -> "Story":
        self.events.append(CampaignDrained(time=at(minute), actor="controller", epoch=1, reason="asked to stop"))
        return self

    def finished(self, minute: float) -> "Story":
        self.events.append(CampaignFinished(time=at(minute), actor="controller", epoch=1, reason="budget spent"))
        return self
