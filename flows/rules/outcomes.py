"""Turn the end of an attempt into events."""

from datetime import datetime

from overnight.campaign import Campaign, EvaluationFailed, EvaluationOutcome, EvaluationSucceeded, Trial
from overnight.campaign.experiment.arms import count_notes
from overnight.campaign.history.events import AttemptFailed, Event, TrialFailed, TrialObserved
from overnight.campaign.history.trial import AttemptEnd
from overnight.campaign.result import feasibility_notes, noise_problem, with_calculated
from overnight.campaign.standing.declared_costs import declared_cost

_REPEATABLE = ("infrastructure", "timeout")
_FIRST_WORDS = 200


def outcome_events(
    campaign: Campaign, trial: Trial, attempt: int, outcome: EvaluationOutcome, now: datetime, actor: str
) -> list[Event]:
    """Return the events that `actor` appends when an attempt has ended: the trial's end, or an attempt to be repeated.

    If a person abandoned the trial or a rule stopped it before the attempt ended, only the attempt is closed. With a
    fidelity, an attempt that reported no cost has the one that follows from the definition.
    """
    outcome = _with_cost(campaign, trial, attempt, outcome)
    if trial.outcome is not None:
        return [_closed(trial, attempt, outcome, now, actor)]
    outcome = _believable(campaign, outcome)
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
                notes=(
                    *feasibility_notes(campaign, outcome.metrics),
                    *count_notes(campaign, trial, outcome.metrics),
                    *outcome.notes,
                ),
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
        machine=outcome.machine,
        metrics=outcome.metrics or None,
        notes=outcome.notes,
    )
    if retry:
        return [failed]
    return [failed, _given_up(trial, attempt, outcome, now, actor)]


def _with_cost(campaign: Campaign, trial: Trial, attempt: int, outcome: EvaluationOutcome) -> EvaluationOutcome:
    """Return the outcome with the declared cost if it has none; one that failed may have cost less, but not more.

    A failure of the machine counts for nothing, so it needs no cost.
    """
    by_machine = isinstance(outcome, EvaluationFailed) and outcome.machine
    if campaign.fidelity is None or outcome.cost is not None or by_machine:
        return outcome
    return outcome.model_copy(update={"cost": declared_cost(campaign.fidelity, trial, attempt)})


def _believable(campaign: Campaign, outcome: EvaluationOutcome) -> EvaluationOutcome:
    """Return the outcome with calculated metrics, or a failure if they are impossible or contradict `noise`."""
    if isinstance(outcome, EvaluationFailed):
        return outcome
    try:
        metrics = with_calculated(campaign, outcome.metrics)
        problem = noise_problem(campaign, metrics)
    except ValueError as impossible:
        metrics, problem = outcome.metrics, str(impossible)
    if problem is None:
        return outcome.model_copy(update={"metrics": metrics})
    return EvaluationFailed(
        cause="invalid_result",
        message=problem,
        seconds=outcome.seconds,
        cost=outcome.cost,
        metrics=metrics,
        notes=outcome.notes,
    )


def _closed(trial: Trial, attempt: int, outcome: EvaluationOutcome, now: datetime, actor: str) -> AttemptFailed:
    late = "the trial ended before this attempt: "
    late += outcome.message if isinstance(outcome, EvaluationFailed) else f"it measured {_found(outcome)}"
    return AttemptFailed(
        time=now,
        actor=actor,
        trial=trial.id,
        attempt=attempt,
        cause="cancelled",
        message=late,
        will_retry=False,
        seconds=outcome.seconds or _under_way(trial, attempt, now),
        cost=outcome.cost,
        metrics=outcome.metrics or None,
        notes=outcome.notes,
    )


def _under_way(trial: Trial, attempt: int, now: datetime) -> float:
    """Return how many seconds a cancelled attempt ran, to be used if its evaluator does not report them."""
    started = next((a.started for a in trial.attempts if a.number == attempt), now)
    return max((now - started).total_seconds(), 0.0)


def _found(outcome: EvaluationSucceeded) -> str:
    return ", ".join(f"{name} {measured.mean!r}" for name, measured in outcome.metrics.items())


def will_retry(campaign: Campaign, trial: Trial, outcome: EvaluationFailed) -> bool:
    """Return whether the same point is tried again.

    It always is after a cancellation or a failure of the machine. After an infrastructure failure, or a timeout with
    `failures.on_timeout: retry`, it has up to `failures.max_attempts` attempts. A failure that the point itself caused
    (crash, invalid result, infeasible) is not repeated.
    """
    if outcome.cause == "cancelled" or outcome.machine:
        return True
    repeated = outcome.cause == "infrastructure"
    repeated |= outcome.cause == "timeout" and campaign.failures.on_timeout == "retry"
    return repeated and len(_repeatable(trial)) + 1 < campaign.failures.max_attempts


def _given_up(trial: Trial, attempt: int, outcome: EvaluationFailed, now: datetime, actor: str) -> TrialFailed:
    """Return the end of a trial; if several attempts led to it, its message names all of them."""
    died = {number: end.message for number, end in _repeatable(trial).items()} | {attempt: outcome.message}
    # One death may have any cause; several at one point are blamed on the point.
    quarantined = outcome.cause == "infrastructure" and len(died) > 1
    message = outcome.message
    if outcome.cause in _REPEATABLE and len(died) > 1:
        named = "; ".join(f"attempt {number}: {_first_words(text)}" for number, text in died.items())
        message = f"given up after {len(died)} attempts{', its point is quarantined' if quarantined else ''} ({named})"
    return TrialFailed(
        time=now,
        actor=actor,
        trial=trial.id,
        attempt=attempt,
        cause=outcome.cause,
        message=message,
        quarantined=quarantined,
    )


def _repeatable(trial: Trial) -> dict[int, AttemptEnd]:
    """Return the ends of the attempts that count towards `failures.max_attempts`, by number."""
    ended = {attempt.number: attempt.failed for attempt in trial.attempts}
    return {n: end for n, end in ended.items() if end is not None and end.cause in _REPEATABLE and not end.machine}


def _first_words(message: str) -> str:
    line = message.partition("\n")[0].strip()
    return line if len(line) <= _FIRST_WORDS else f"{line[:_FIRST_WORDS]} …"
