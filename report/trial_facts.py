"""Facts about a single trial for people: its status, its end with the reason, and the values of its parameters."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from overnight.campaign import Goal, Point, Trial
from overnight.campaign.evaluation import cause_text
from overnight.campaign.history.trial import Attempt, Failure, Observation, Stopped, Withdrawal
from overnight.campaign.parameters import Value
from overnight.campaign.values.harmless import first_line
from overnight.report.numbers import measured, value_text


class HasPoint(Protocol):
    """A trial, or anything else with a point, which holds values for some of the parameters."""

    @property
    def point(self) -> Point:
        """Return the values by the parameters' names."""
        ...


def cell(of: HasPoint, name: str) -> Value | None:
    """Return the value of a parameter; None if the point does not have it."""
    return of.point.get(name)


def cell_text(of: HasPoint, name: str) -> str:
    """Return the value of a parameter as text, which is empty if the point does not have it."""
    value = cell(of, name)
    return "" if value is None else value_text(value)


def point_text(of: HasPoint, names: Iterable[str], *, equals: str = "=", between: str = ", ") -> str:
    """Return the values of these parameters in one line, without those that the point does not have."""
    return between.join(f"{name}{equals}{text}" for name in names if (text := cell_text(of, name)))


def unmet_text(goal: Goal, trial: Trial) -> str:
    """Return the constraints that a result does not meet, each with the measured value, or `missing`; empty if none."""
    found = trial.measured
    unmet = goal.judged.unmet(found) if found else ()
    return ", ".join(f"{c} ({measured(found[c.metric]) if c.metric in found else 'missing'})" for c in unmet)


def objectives_text(goal: Goal, trial: Trial) -> str:
    """Return the measured values of all objectives of an observed trial."""
    return ", ".join(f"{name} {measured(trial.measured[name])}" for name in (each.metric for each in goal.objectives))


def best_words(goal: Goal) -> str:
    """Return the words for the best result of a goal."""
    return "best feasible" if goal.constraints else "best"


def feasible_cell(goal: Goal, trial: Trial) -> str:
    """Return whether a result is feasible, with the metrics beyond their limits; empty without a result."""
    if not trial.measured:
        return ""
    verdict = goal.verdict(trial.measured)
    if verdict is not False:
        return "not judged" if verdict is None else "yes"
    metrics = dict.fromkeys(constraint.metric for constraint in goal.judged.unmet(trial.measured))
    return f"no: {', '.join(name if name in trial.measured else f'{name} missing' for name in metrics)}"


def failure_of(trial: Trial) -> Failure | None:
    """Return the failure of a trial; None if it has not failed."""
    return trial.outcome if isinstance(trial.outcome, Failure) else None


def generator_of(trial: Trial) -> str:
    """Return what proposed a trial, and whether that replaced the campaign's own proposer."""
    made = trial.proposal.provenance
    return f"{trial.proposal.generator}{', stands in' if made is not None and made.asked.stand_in is not None else ''}"


@dataclass(frozen=True)
class Ending:
    """The end of a trial without a result: a verb, by whom or by which cause, the reason, and a short form."""

    short: str
    verb: str
    by: str
    why: str

    def __str__(self) -> str:
        """Return it in one line, as in `failed (timeout): it took too long`."""
        return f"{self.verb}{self.by}: {first_line(self.why)}".removesuffix(": ")


def ending(trial: Trial) -> Ending:
    """Return the end of a trial in words; an open or observed trial has only its status."""
    match trial.outcome:
        case Failure(cause=cause, message=message, quarantined=quarantined):
            words = cause_text(cause)
            short = f"failed: {words}{', quarantined' if quarantined else ''}"
            return Ending(short, "failed", f" ({words})", message)
        case Stopped(step=step, why=why):
            return Ending(f"stopped at step {step}", "was stopped early", "", why)
        case Withdrawal(kind=kind, by=by, why=why):
            return Ending(kind, f"was {kind}", f" by {by}", why)
    return Ending(trial.status, trial.status, "", "")


def reason_of(trial: Trial) -> str | None:
    """Return why a trial was stopped or withdrawn, or why it waits or goes on; None for all others."""
    match trial.outcome:
        case Stopped(why=why):
            return why
        case Withdrawal(by=by, why=why):
            return f"{why} ({by})"
        case None if trial.parked:
            return trial.parked_because
        case None if (attempt := trial.open_attempt) is not None:
            goes_on = None if attempt.handle is None else f"its evaluation goes on by itself (handle {attempt.handle})"
            return attempt.unknown or goes_on
    return None


def notes_of(trial: Trial) -> tuple[str, ...]:
    """Return notes about a result: side information that was ignored, and metrics of a failure."""
    if isinstance(trial.outcome, Observation):
        return trial.outcome.notes
    end = trial.attempts[-1].failed if trial.attempts else None
    if end is None:
        return ()
    kept = ", ".join(f"{name} {measured(found)}" for name, found in end.metrics.items())
    return (*([f"measured {kept}, which is kept"] if kept else []), *end.notes)


def was_ended_with_its_trial(trial: Trial, attempt: Attempt) -> bool:
    """Return whether a rule or a person ended the trial while this attempt ran, which is no failure of the attempt."""
    # After a failure of its own, the attempt is repeated, or its trial has failed.
    by_itself = attempt.failed is not None and attempt.failed.will_retry
    return isinstance(trial.outcome, Stopped | Withdrawal) and not by_itself
