"""The line that summarises a resumed campaign."""

from overnight.campaign import History
from overnight.campaign.history.events import CampaignFinished
from overnight.campaign.history.trial import Failure
from overnight.flows.session.lease import CONTROLLER


def resumed_with(history: History) -> str | None:
    """Return a summary for a controller that follows another one; None if it is the first, or finds no trials.

    Call it before the lease is taken: a new lease hides how the last run ended.
    """
    if history.lease is None or not history.trials:
        return None
    trials, budget = history.trials.values(), history.definition.budget.trials
    failed = sum(isinstance(trial.outcome, Failure) for trial in trials)
    attempts = (trial.open_attempt for trial in trials)
    under_way = sum(attempt is not None and attempt.actor == CONTROLLER for attempt in attempts)
    waiting = sum(1 for trial in trials if trial.status == "waiting")
    parts = [f"{history.trials.observed} observed", f"{failed} failed"]
    parts += [f"{under_way} under way and taken over"] if under_way else []
    parts += [f"{waiting} waiting to start"] if waiting else []
    left = f"{max(budget - history.started, 0)} of {budget} trials left to start"
    return f"Resuming with {', '.join(parts)}; {left}. {_how_it_ended(history)}"


def _how_it_ended(history: History) -> str:
    closed = history.closed_by
    if closed is None:
        last = history.last_time
        said = "" if last is None else f"; its last entry in the ledger is from {last:%Y-%m-%d %H:%M:%S} UTC"
        return f"The last run was interrupted{said}."
    how = "finished" if isinstance(closed, CampaignFinished) else "was drained"
    return f"The last run {how} at {closed.time:%Y-%m-%d %H:%M:%S} UTC: {closed.reason}."
