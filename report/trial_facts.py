"""Facts about a single trial for people: its status and the reason."""

from overnight.campaign import Trial
from overnight.campaign.evaluation import cause_text
from overnight.campaign.history.trial import Attempt, Failure, Observation, Stopped, Withdrawal
from overnight.campaign.values.harmless import first_line
from overnight.report.numbers import measured


def failure_of(trial: Trial) -> Failure | None:
    """Return why a trial ended without a result, or None where it did not."""
    return trial.outcome if isinstance(trial.outcome, Failure) else None


def generator_of(trial: Trial) -> str:
    """Return what proposed a trial, and whether that stood in for the campaign's own proposer."""
    made = trial.proposal.provenance
    return f"{trial.proposal.generator}{', stands in' if made is not None and made.asked.stand_in is not None else ''}"


def failed_why(failure: Failure) -> str:
    """Return that a trial failed and why, in one line: its cause in plain words, and the first line of the message."""
    return f"failed ({cause_text(failure.cause)}): {first_line(failure.message)}".removesuffix(": ")


def status_of(trial: Trial) -> str:
    """Return how a trial stands, with what caused its failure or at which step it was stopped."""
    match trial.outcome:
        case Failure(cause=cause, quarantined=quarantined):
            return f"failed: {cause_text(cause)}{', quarantined' if quarantined else ''}"
        case Stopped(step=step):
            return f"stopped at step {step}"
    return trial.status


def reason_of(trial: Trial) -> str | None:
    """Return why a trial was stopped or withdrawn, or what it waits for; None for all others."""
    match trial.outcome:
        case Stopped(why=why):
            return why
        case Withdrawal(by=by, why=why):
            return f"{why} ({by})"
        case None if trial.parked:
            return trial.parked_because
        case None if trial.open_attempt is not None:
            return trial.open_attempt.unknown
    return None


def notes_of(trial: Trial) -> tuple[str, ...]:
    """Return what is worth knowing about a result besides its value: ignored side information, metrics of a failure."""
    if isinstance(trial.outcome, Observation):
        return trial.outcome.notes
    end = trial.attempts[-1].failed if trial.attempts else None
    if end is None:
        return ()
    kept = ", ".join(f"{name} {measured(found)}" for name, found in end.metrics.items())
    return (*([f"measured {kept}, which is kept and not learnt from"] if kept else []), *end.notes)


def was_ended_with_its_trial(trial: Trial, attempt: Attempt) -> bool:
    """Tell whether a rule or a person ended the trial while this attempt ran, which says nothing bad of it."""
    # One that fails by itself is tried again, or its trial has failed.
    by_itself = attempt.failed is not None and attempt.failed.will_retry
    return isinstance(trial.outcome, Stopped | Withdrawal) and not by_itself
