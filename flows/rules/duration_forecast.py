"""Predict the duration of an evaluation from those observed in this campaign."""

import math
from datetime import timedelta
from itertools import islice

from overnight.campaign import History, Trial
from overnight.campaign.history.trial import Observation
from overnight.flows.session.lease import CONTROLLER

# One evaluation in ten takes longer than predicted; until `ENOUGH` are known, the prediction is the time limit.
QUANTILE = 0.9
ENOUGH = 5
# Machines and settings change, so old durations predict less, and reading them takes time.
_LATEST, _LATEST_FOR_QUANTILE = 50, 200


def predicted_duration(history: History, time_limit: timedelta) -> timedelta:
    """Return the shortest of the latest durations that nine in ten did not exceed, or the time limit if that is less.

    Results reported by people do not count: they do not show how long an evaluator takes.
    """
    known = _latest_seconds(history, _LATEST_FOR_QUANTILE)
    if len(known) < ENOUGH:
        return time_limit
    return min(timedelta(seconds=known[math.ceil(QUANTILE * len(known)) - 1]), time_limit)


def typical_duration(history: History) -> float | None:
    """Return the median seconds of the latest observed evaluations; None before the first."""
    latest = _latest_seconds(history, _LATEST)
    return latest[len(latest) // 2] if latest else None


def _latest_seconds(history: History, most: int) -> list[float]:
    """Return the seconds of the latest observed evaluations by trial number, the shortest first."""
    known = (s for trial in history.trials.newest_first() if (s := _seconds(trial)) is not None)
    return sorted(islice(known, most))


def _seconds(trial: Trial) -> float | None:
    """Return the seconds of the attempt that gave the observation, as the evaluator or else the ledger reports them."""
    ended = trial.outcome
    if not isinstance(ended, Observation):
        return None
    attempt = next((a for a in trial.attempts if a.number == ended.attempt), None)
    if attempt is None or attempt.actor != CONTROLLER:
        return None
    return ended.seconds or max((ended.ended - attempt.started).total_seconds(), 0.0)
