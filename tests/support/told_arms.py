"""An A/B test told batch by batch and look by look."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from overnight.campaign import Campaign, History, Measurement
from overnight.campaign.evaluation import Cause
from overnight.campaign.experiment.effects import Effect, newest_effect
from overnight.campaign.experiment.status_quo import is_status_quo
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptStarted,
    CampaignDefined,
    CampaignFinished,
    MeasurementReported,
    TrialAbandoned,
    TrialFailed,
    TrialObserved,
    TrialProposed,
    TrialStopped,
)
from overnight.campaign.history.trial import Generator
from overnight.flows.rules.looks import arm_stops

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Metrics = Mapping[str, Measurement]


def measured(mean: float, sem: float | None = 1.0, n: int | None = None) -> Measurement:
    return Measurement(mean=mean, sem=sem, n=n)


def ab_test(**more: Any) -> Campaign:
    written = {
        "name": "search",
        "kind": "ab_test",
        "parameters": {"size": {"kind": "int", "low": 0, "high": 99}},
        "maximize": "clicks",
        "arms": 3,
        "traffic": {"per_batch": 1000},
        "baseline": {"size": 0},
        "budget": {"trials": 100},
    }
    return Campaign.model_validate(written | more)


def effects(history: History) -> Iterator[Effect]:
    """Yield the newest effect of each arm on each metric of the goal, in the order of the trials."""
    for trials in history.batches().values():
        for trial in trials:
            if not is_status_quo(trial):
                yield from (newest_effect(history, trial, metric) for metric in history.definition.goal.metrics)


class ToldArms:
    """A history that grows; the first arm of each batch is the status quo. Events are about the latest attempts."""

    def __init__(self, **more: Any) -> None:
        self.events: list[Any] = [CampaignDefined(time=NOW, actor="c", uid="u", definition=ab_test(**more))]
        self.history = History.from_events(self.events)

    def batch(self, *arms: tuple[int, float], generator: Generator = "sobol") -> list[int]:
        """Start arms of these sizes and shares of the traffic; return their trials."""
        first = self.history.next_trial
        trials = [*range(first, first + len(arms))]
        for trial, (size, share) in zip(trials, arms, strict=True):
            who: Generator = "baseline" if trial == first else generator
            told = {"point": {"size": size}, "generator": who, "batch": first, "weight": share}
            self._tell(TrialProposed(time=NOW, actor="c", trial=trial, **told))
            self._tell(AttemptStarted(time=NOW, actor="c", trial=trial, attempt=1, key=str(trial)))
        return trials

    def look(self, step: int, arms: Mapping[int, Metrics]) -> list[TrialStopped]:
        """Report these metrics of arms at a step, and return the stops, which have happened."""
        reports = [self._report(step, trial, metrics) for trial, metrics in arms.items()]
        self._tell(*reports)
        stops = arm_stops(self.history, reports, NOW, "c")
        self._tell(*stops)
        return stops

    def observe(self, arms: Mapping[int, Metrics]) -> None:
        for trial, metrics in arms.items():
            at = self._attempt(trial)
            self._tell(TrialObserved(time=NOW, actor="c", trial=trial, attempt=at, metrics=dict(metrics)))

    def abandon(self, trial: int, why: str) -> None:
        self._tell(TrialAbandoned(time=NOW, actor="ada", trial=trial, why=why))

    def fail(self, trial: int, cause: Cause) -> None:
        at = self._attempt(trial)
        self._tell(TrialFailed(time=NOW, actor="c", trial=trial, attempt=at, cause=cause, message="broke"))

    def retry(self, *trials: int) -> None:
        """Fail the attempts at these trials, and start the next ones."""
        for trial in trials:
            at = self._attempt(trial)
            failed = {"cause": "infrastructure", "message": "broke", "will_retry": True}
            self._tell(
                AttemptFailed.model_validate({"time": NOW, "actor": "c", "trial": trial, "attempt": at} | failed)
            )
            key = f"{trial}/{at + 1}"
            self._tell(AttemptStarted(time=NOW, actor="c", trial=trial, attempt=at + 1, key=key))

    def finish(self) -> None:
        self._tell(CampaignFinished(time=NOW, actor="c", epoch=0, reason="over"))

    def _report(self, step: int, trial: int, metrics: Metrics) -> MeasurementReported:
        at = self._attempt(trial)
        return MeasurementReported(time=NOW, actor="c", trial=trial, attempt=at, step=step, metrics=dict(metrics))

    def _attempt(self, trial: int) -> int:
        return len(self.history.trials[trial].attempts)

    def _tell(self, *events: Any) -> None:
        self.events += events
        self.history = self.history.extended(events)
