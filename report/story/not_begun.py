"""Evaluations that cannot begin: attempts in a row that failed because of the machine or the cluster."""

from datetime import datetime
from operator import itemgetter

from overnight.campaign import History
from overnight.campaign.history.trial import Attempt, Observation, Trial
from overnight.report.story.section import Section

# Fewer may have met a short disturbance.
_MANY = 3


class NotBegun(Section):
    """The `attempts` in a row, since a time, that failed because of the machine, so that nothing was evaluated.

    `trial` is that of the newest one, and `why` it failed. They count towards no limit, so they are repeated until the
    cause is gone.
    """

    attempts: int
    since: datetime
    trial: int
    why: str


def not_begun(history: History) -> NotBegun | None:
    """Return the latest attempts if no evaluation could begin in several of them; None if one did, or if it is over."""
    if history.finished is not None:
        return None
    ended = [
        found for trial in history.trials.values() for attempt in trial.attempts if (found := _end(trial, attempt))
    ]
    ended.sort(key=itemgetter(0, 1), reverse=True)
    in_a_row = list[tuple[datetime, int, str]]()
    for at, trial, why in ended:
        if why is None:
            break
        in_a_row.append((at, trial, why))
    if len(in_a_row) < _MANY:
        return None
    _, trial, why = in_a_row[0]
    return NotBegun(attempts=len(in_a_row), since=in_a_row[-1][0], trial=trial, why=why)


def _end(trial: Trial, attempt: Attempt) -> tuple[datetime, int, str | None] | None:
    """Return when an attempt ended, and why it could not begin, if it could not; None if it runs or was cancelled."""
    if (failed := attempt.failed) is not None:
        why = failed.message if failed.machine else None
        return None if failed.cause == "cancelled" else (failed.ended, trial.id, why)
    measured = isinstance(trial.outcome, Observation) and trial.outcome.attempt == attempt.number
    return (trial.outcome.ended, trial.id, None) if trial.outcome is not None and measured else None
