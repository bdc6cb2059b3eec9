"""How long an evaluation that starts now is expected to take, from those that this campaign has observed."""

import math
from datetime import timedelta
from itertools import islice

from campaign import History, Trial
from campaign.trial import Observation
from flows.lease import CONTROLLER

# One in ten takes longer than expected; before so many are known, each is expected to take all that it may.
QUANTILE = 0.9
ENOUGH = 5
_LATEST = 50


def predicted_duration(history: History, time_limit: timedelta) -> timedelta:
    """Return the shortest recorded duration that nine in ten did not exceed, or the time limit, whichever is less.

    What people measured by hand says nothing about how long an evaluator takes.
    """
    known = sorted(s for trial in history.trials.values() if (s := _seconds(trial)) is not None)
    if len(known) < ENOUGH:
        return time_limit
    return min(timedelta(seconds=known[math.ceil(QUANTILE * len(known)) - 1]), time_limit)


def typical_duration(history: History) -> float | None:
    """Return the median seconds of the latest evaluations that were observed; None before the first."""
    observed = (t for _, t in sorted(history.trials.items(), reverse=True) if isinstance(t.outcome, Observation))
    latest = sorted(islice((s for t in observed if (s := _seconds(t)) is not None), _LATEST))
    return latest[len(latest) // 2] if latest else None


def _seconds(trial: Trial) -> float | None:
    """Return how long the attempt took that gave the observation: as the evaluator says, or else as the ledger does."""
    ended = trial.outcome
    if not isinstance(ended, Observation):
        return None
    attempt = next((a for a in trial.attempts if a.number == ended.attempt), None)
    if attempt is None or attempt.actor != CONTROLLER:
        return None
    return ended.seconds or max((ended.ended - attempt.started).total_seconds(), 0.0)
