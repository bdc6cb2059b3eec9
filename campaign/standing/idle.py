"""The time for which a worker is idle before its next trial starts, above all because a proposal is being made."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from statistics import median

from overnight.campaign.history.trial import Trial

# As many waits as show the present pace: the first proposals are quick, and later ones take longer.
_LATEST = 10


def seconds_idle(trials: list[Trial], workers: int) -> float:
    """Return the median time for which a worker was idle before each of the latest attempts; 0 if that is unknown.

    It is measured from starts and ends, so proposals that are made while all workers are busy cost nothing. The median
    ignores the days between two windows.
    """
    waits = list(_waits(trials, workers))
    return median(waits[-_LATEST:]) if waits else 0.0


def _waits(trials: list[Trial], workers: int) -> Iterator[float]:
    """Yield the wait before each attempt, in the order of their starts; the first attempt of a worker has none."""
    ends = deque(sorted(end for trial in trials for end in _ends(trial)))
    free: deque[datetime | None] = deque([None] * workers)
    for start in sorted(attempt.started for trial in trials for attempt in trial.attempts):
        while ends and ends[0] <= start:
            free.append(ends.popleft())
        since = free.popleft() if free else None
        if since is not None:
            yield (start - since).total_seconds()


def _ends(trial: Trial) -> Iterator[datetime]:
    for attempt in trial.attempts:
        if attempt.failed is not None:
            yield attempt.failed.ended
        elif attempt.number == trial.attempts[-1].number and trial.outcome is not None:
            yield trial.outcome.ended
