"""The attempts over time in parallel lanes, and the utilisation of the workers."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from overnight.campaign import History, Trial
from overnight.campaign.evaluation import Cause
from overnight.campaign.history.trial import Attempt, Failure, Observation, Status
from overnight.report.trial_facts import was_ended_with_its_trial


@dataclass(frozen=True)
class Span:
    """One attempt in time; an attempt that has not ended reaches to the end of the picture."""

    trial: int
    attempt: int
    began: datetime
    ended: datetime
    end: Status
    cause: Cause | None
    lane: int

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return (self.ended - self.began).total_seconds()


def attempt_spans(history: History, until: datetime) -> list[Span]:
    """Return every attempt in the order of their starts, each in the first lane that was free.

    No worker is recorded: there are as many lanes as attempts ever ran at once.
    """
    attempts = [(a, t) for t in history.trials.values() for a in t.attempts]
    free_from: list[datetime] = []
    spans = []
    for attempt, trial in sorted(attempts, key=lambda pair: (pair[0].started, pair[1].id)):
        end, cause = _end(trial, attempt)
        ended = _ended(trial, attempt, until)
        lane = next((i for i, free in enumerate(free_from) if free <= attempt.started), len(free_from))
        free_from[lane : lane + 1] = [ended]
        spans.append(Span(trial.id, attempt.number, attempt.started, ended, end, cause, lane))
    return spans


def utilisation(spans: list[Span], workers: int, active_seconds: float) -> float | None:
    """Return the share of the workers' time that was spent on attempts while a controller was at work."""
    if active_seconds <= 0 or not spans:
        return None
    return min(sum(s.seconds for s in spans) / (workers * active_seconds), 1.0)


def _end(trial: Trial, attempt: Attempt) -> tuple[Status, Cause | None]:
    if was_ended_with_its_trial(trial, attempt):
        return trial.status, None
    if attempt.failed is not None:
        return "failed", attempt.failed.cause
    match trial.outcome:
        case Observation():
            return "observed", None
        case Failure(cause=cause):
            return "failed", cause
    return "running", None


def _ended(trial: Trial, attempt: Attempt, until: datetime) -> datetime:
    """Return the end of an attempt: after its own seconds, or if these are unknown, the time of the record.

    After a gap between controllers, the record is much later than the end.
    """
    last = attempt is trial.attempts[-1]
    seconds = 0.0
    if attempt.failed is not None:
        seconds = attempt.failed.seconds
    elif isinstance(trial.outcome, Observation):
        seconds = trial.outcome.seconds
    written = trial.outcome.ended if last and trial.outcome is not None else until
    own = attempt.started + timedelta(seconds=seconds)
    if seconds > 0 or attempt.failed is not None:
        return max(min(own, written), attempt.started)
    return max(written, attempt.started)
