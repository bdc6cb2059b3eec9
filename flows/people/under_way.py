"""Find the trial that a person refers to, and check that a person may end it or report on it."""

import operator
from contextlib import suppress
from typing import Any

from overnight.campaign import History, Trial
from overnight.campaign.errors import NotUnderWay
from overnight.campaign.history.trial import Attempt, Withdrawal
from overnight.flows.session.lease import CONTROLLER


def number_of(trial: Any, asked: str) -> int:
    """Return the number of a trial, given as a trial or as a number; raises NotUnderWay for anything else."""
    if isinstance(trial, Trial):
        return trial.id
    with suppress(TypeError):
        if not isinstance(trial, bool):
            return operator.index(trial)
    found = f"{type(trial).__name__} {trial!r:.100}"
    raise NotUnderWay(f"{asked}: expected a trial or its number, found {found}. Nothing was written.")


def unended(history: History, trial: Trial | int, asked: str) -> Trial:
    """Return the trial if it has not ended; raises NotUnderWay if it has, or if this history does not hold it."""
    number = number_of(trial, asked)
    known = history.trials.get(number)
    if known is None:
        name = f"campaign `{history.definition.name}` has" if history.defined is not None else "there are"
        raise _refusal(asked, number, f"no such trial; {name} {len(history.trials)}: see `overnight trials`")
    if isinstance(trial, Trial) and (trial.proposal.point, trial.proposed) != (
        known.proposal.point,
        known.proposed,
    ):
        raise _refusal(asked, number, "it belongs to another campaign or ledger; here, another trial has its number")
    if known.outcome is not None:
        by = f" by {known.outcome.by}" if isinstance(known.outcome, Withdrawal) else ""
        ended = f"it has already ended, {known.outcome.kind}{by} at {known.outcome.ended:%Y-%m-%d %H:%M} UTC"
        raise _refusal(asked, number, f"{ended}, and its end is final")
    return known


def under_way(history: History, trial: Trial | int, asked: str) -> tuple[Trial, Attempt]:
    """Return a trial and its open attempt, if a person evaluates it or has to report its end.

    Raises NotUnderWay if the trial has ended or has not started, if a controller evaluates it, or if a later attempt
    than the given one is under way.
    """
    known = unended(history, trial, asked)
    attempt = known.open_attempt
    if attempt is None:
        raise _refusal(asked, known.id, _why_not_started(known))
    if is_evaluated(attempt):
        raise _refusal(asked, known.id, why_evaluated(attempt))
    meant = trial.attempts[-1].number if isinstance(trial, Trial) and trial.attempts else attempt.number
    if meant != attempt.number:
        given_up = f"attempt {meant} of it was given up, and attempt {attempt.number} is under way"
        raise _refusal(asked, known.id, f"{given_up}; pass the trial's number to report your result for that one")
    return known, attempt


def is_evaluated(attempt: Attempt) -> bool:
    """Return whether a controller awaits the end of an attempt; if its fate is unknown, a person has to report it."""
    return attempt.actor == CONTROLLER and attempt.unknown is None


def why_evaluated(attempt: Attempt) -> str:
    """Explain that a controller is evaluating an attempt, and how a person can still record a result of their own."""
    host = f" on {attempt.host}" if attempt.host else ""
    return (
        f"a controller{host} is evaluating it, attempt {attempt.number} since {attempt.started:%Y-%m-%d %H:%M} UTC, "
        "and a trial has only one result. Wait for its end; or abandon it, and report your result with its point: "
        "overnight suggest --point … --metrics …"
    )


def _why_not_started(trial: Trial) -> str:
    if trial.parked:
        return "it awaits approval and has not been started"
    if trial.attempts and (failed := trial.attempts[-1].failed) is not None:
        given_up = f"attempt {trial.attempts[-1].number} was given up ({failed.message.splitlines()[0]:.200})"
        return f"{given_up} and it waits to be tried again; `ask` hands it out"
    return "it has not been started; `ask` hands it out"


def _refusal(asked: str, number: int, found: str) -> NotUnderWay:
    return NotUnderWay(f"{asked}: trial {number}: {found}. Nothing was written.")
