"""Approve or reject the trials that wait for a person."""

from datetime import datetime

from overnight.campaign import History, Trial
from overnight.campaign.errors import Refused
from overnight.campaign.history.events import TrialApproved, TrialRejected


def awaiting_approval(history: History) -> list[Trial]:
    """Return the trials that wait for a person, in the order of their ids."""
    return [t for _, t in sorted(history.trials.items()) if t.status == "awaiting approval"]


def approve(history: History, who: str, why: str, now: datetime, number: int) -> list[TrialApproved]:
    """Return the event that lets a parked trial start.

    Raises Refused if the trial does not await approval, the campaign is over, or the budget has no room for the trial.
    """
    _refuse_unless_it_waits(history, number)
    if history.finished is not None:
        raise Refused(
            f"trial {number}: campaign `{history.definition.name}` has finished: {history.finished.reason}. Nothing "
            "was written, because no controller would start the trial. Raise `budget` in the campaign's file and run "
            "`overnight revise`; then approve the trial and run the campaign again."
        )
    refuse_unless_it_fits(history, number)
    return [TrialApproved(time=now, actor=who, trial=number, why=why)]


def reject(history: History, who: str, why: str, now: datetime, number: int) -> list[TrialRejected]:
    """Return the event that ends a parked trial; raises Refused if the trial does not await approval."""
    _refuse_unless_it_waits(history, number)
    return [TrialRejected(time=now, actor=who, trial=number, why=why)]


def refuse_unless_it_fits(history: History, number: int) -> None:
    """Raise Refused if the trial budget has no room for a parked trial, which does not count while it is parked."""
    budget = history.definition.budget.trials
    if history.budgeted >= budget:
        raise Refused(
            f"trial {number}: all {budget} trials in the budget of campaign `{history.definition.name}` are taken. "
            "Nothing was written. Raise `budget.trials` in its file and run `overnight revise`, or reject the trial."
        )


def _refuse_unless_it_waits(history: History, number: int) -> None:
    trial = history.trials.get(number)
    if trial is None or trial.status != "awaiting approval":
        found = "it does not exist" if trial is None else f"its status is `{trial.status}`"
        waiting = ", ".join(str(t.id) for t in awaiting_approval(history)) or "none"
        raise Refused(
            f"trial {number} does not await approval: {found}. Nothing was written. Awaiting approval: {waiting}."
        )
