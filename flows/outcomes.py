"""Turns how an attempt ended into the events that say so."""

from datetime import datetime

from campaign import Campaign, EvaluationFailed, EvaluationOutcome, EvaluationSucceeded, Trial
from campaign.events import AttemptFailed, Event, TrialFailed, TrialObserved


def outcome_events(
    campaign: Campaign, trial: Trial, attempt: int, outcome: EvaluationOutcome, now: datetime, actor: str
) -> list[Event]:
    """Return what `actor` appends when an attempt has ended: the trial's end, or a failed attempt that is repeated.

    Of a trial that has ended meanwhile, because a person abandoned it, only the attempt is closed.
    """
    if trial.outcome is not None:
        return [_closed(trial, attempt, outcome, now, actor)]
    if not isinstance(outcome, EvaluationFailed):
        return [
            TrialObserved(
                time=now,
                actor=actor,
                trial=trial.id,
                attempt=attempt,
                metrics=outcome.metrics,
                seconds=outcome.seconds,
                cost=outcome.cost,
                artifacts=outcome.artifacts,
                metadata=outcome.metadata,
            )
        ]
    retry = will_retry(campaign, trial, outcome)
    failed = AttemptFailed(
        time=now,
        actor=actor,
        trial=trial.id,
        attempt=attempt,
        cause=outcome.cause,
        message=outcome.message,
        will_retry=retry,
        seconds=outcome.seconds,
        cost=outcome.cost,
    )
    if retry:
        return [failed]
    ended = TrialFailed(
        time=now, actor=actor, trial=trial.id, attempt=attempt, cause=outcome.cause, message=outcome.message
    )
    return [failed, ended]


def _closed(trial: Trial, attempt: int, outcome: EvaluationOutcome, now: datetime, actor: str) -> AttemptFailed:
    late = "the trial had ended before it: "
    late += outcome.message if isinstance(outcome, EvaluationFailed) else f"it found {_found(outcome)}"
    return AttemptFailed(
        time=now,
        actor=actor,
        trial=trial.id,
        attempt=attempt,
        cause="cancelled",
        message=late,
        will_retry=False,
        seconds=outcome.seconds,
        cost=outcome.cost,
    )


def _found(outcome: EvaluationSucceeded) -> str:
    return ", ".join(f"{name} {measured.mean!r}" for name, measured in outcome.metrics.items())


def will_retry(campaign: Campaign, trial: Trial, outcome: EvaluationFailed) -> bool:
    """Tell whether the same point is tried again: always after a cancellation, some times after the infrastructure.

    What the point itself is to blame for (crash, timeout, invalid result, infeasible) is not repeated.
    """
    if outcome.cause == "cancelled":
        return True
    earlier = sum(1 for a in trial.attempts if a.failed is not None and a.failed.cause == "infrastructure")
    return outcome.cause == "infrastructure" and earlier + 1 < campaign.failures.max_attempts
