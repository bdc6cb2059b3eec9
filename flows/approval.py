"""The trials that wait for a person, and what people decide about them."""

from datetime import datetime

from campaign import History, Trial
from campaign.errors import Refused
from campaign.events import TrialApproved, TrialRejected


def awaiting_approval(history: History) -> list[Trial]:
    """Return the trials that wait for a person, in the order of their ids."""
    return [t for _, t in sorted(history.trials.items()) if t.status == "awaiting approval"]


def approve(history: History, who: str, why: str, now: datetime, number: int) -> list[TrialApproved]:
    """Return the event that a parked trial may be started; raises Refused where it does not wait or nothing is left."""
    _refuse_unless_it_waits(history, number)
    budget = history.definition.budget.trials
    if history.budgeted >= budget:
        raise Refused(
            f"trial {number}: expected budget for it, found all {budget} trials of campaign "
            f"`{history.definition.name}` taken. Nothing was written. Raise `budget.trials` in its file and say "
            "`overnight revise`, or reject the trial."
        )
    return [TrialApproved(time=now, actor=who, trial=number, why=why)]


def reject(history: History, who: str, why: str, now: datetime, number: int) -> list[TrialRejected]:
    """Return the event that ends a parked trial; raises Refused where it does not wait."""
    _refuse_unless_it_waits(history, number)
    return [TrialRejected(time=now, actor=who, trial=number, why=why)]


def _refuse_unless_it_waits(history: History, number: int) -> None:
    trial = history.trials.get(number)
    if trial is None or trial.status != "awaiting approval":
        found = "no such trial" if trial is None else f"it {trial.status}"
        waiting = ", ".join(str(t.id) for t in awaiting_approval(history)) or "none"
        raise Refused(
            f"trial {number}: expected one that awaits approval, found {found}. Nothing was written. Awaiting "
            f"approval: {waiting}."
        )
