"""Attempts of unknown fate: they started on a machine that cannot be seen from here, and left no outcome."""

from collections.abc import Iterable
from datetime import datetime

from overnight.campaign import Campaign, EvaluationFailed, EvaluationOutcome, Trial
from overnight.campaign.history.events import AttemptUnknown
from overnight.campaign.history.trial import Attempt
from overnight.flows.host.identity import can_be_seen
from overnight.flows.session.lease import CONTROLLER


def is_unknown(attempt: Attempt, outcome: EvaluationOutcome) -> bool:
    """Return whether an attempt may still be running: its end was not seen, and it ran on another machine."""
    if not isinstance(outcome, EvaluationFailed) or not outcome.lost:
        return False
    return outcome.unseen is not None or (attempt.process is not None and not can_be_seen(attempt.process))


def question(trial: Trial, attempt: Attempt, now: datetime) -> list[AttemptUnknown]:
    """Return the event that asks a person to decide; nothing if that has been asked before."""
    if attempt.unknown is not None:
        return []
    message = (
        f"{_where(attempt)}, so it may still be running there. If it has ended, report its result, or an exception for "
        f"a failure: AskTell(FILE).tell({trial.id}, RESULT). If nothing of it is left, set `failures.when_unknown: "
        "retry` and run the campaign again"
    )
    return [AttemptUnknown(time=now, actor=CONTROLLER, trial=trial.id, attempt=attempt.number, message=message)]


def presumed_dead(attempt: Attempt, outcome: EvaluationFailed) -> EvaluationFailed:
    """Return the end of an attempt that is considered dead, although its fate is unknown."""
    where = outcome.unseen or _where(attempt)
    told = f"{where} and is considered dead (`failures.when_unknown: retry`): {outcome.message}"
    return outcome.model_copy(update={"message": told})


def undecided(campaign: Campaign, trials: Iterable[Trial]) -> str | None:
    """Return why a campaign cannot end: it names the trials whose outcome a person has to report; None without any."""
    waiting = [t.id for t in trials if t.open_attempt is not None and t.open_attempt.unknown is not None]
    if not waiting or campaign.failures.when_unknown == "retry":
        return None
    named = ", ".join(map(str, waiting))
    return f"the outcome of these trials is unknown and has to be reported (`failures.when_unknown: ask`): {named}"


def _where(attempt: Attempt) -> str:
    if attempt.process is None or can_be_seen(attempt.process):
        return "it was sent to a machine that cannot be seen from here"
    return f"it was started by a controller on host {attempt.host}, which cannot be seen from here"
