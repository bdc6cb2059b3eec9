"""What is read off a campaign: how busy its workers were, and what a trial cost beside evaluating and proposing."""

import math
from collections.abc import Iterable
from itertools import pairwise
from statistics import mean, median

from benchmarks.flow.night import Night
from overnight.campaign import Trial

MIB = 2**20


def busy_share(night: Night) -> float:
    """Return the share of the workers' time in which they really evaluated.

    The time is that from when every worker had its first trial until the last trial began: before is the cold start,
    afterwards there is nothing more to do.
    """
    began = sorted(start for start, _ in night.evaluated.values())
    workers = night.history.definition.workers
    first, last = began[workers - 1], began[-1]
    busy = math.fsum(max(min(end, last) - max(start, first), 0.0) for start, end in night.evaluated.values())
    return busy / ((last - first) * workers)


def cold_start_seconds(night: Night) -> float:
    """Return how long it took from the first evaluation's begin until every worker had one."""
    began = sorted(start for start, _ in night.evaluated.values())
    return began[night.history.definition.workers - 1] - began[0]


def overheads(night: Night) -> dict[int, float]:
    """Return what each trial of a single worker took beside evaluating and proposing, in seconds, by its number.

    That is the time between the end of one evaluation and the begin of the next, less what the proposal took.
    """
    numbers = sorted(night.evaluated)
    gaps = pairwise(numbers)
    return {
        after: night.evaluated[after][0] - night.evaluated[before][1] - _proposing(night.history.trials[after])
        for before, after in gaps
    }


def latencies(night: Night, since: int) -> list[float]:
    """Return the seconds from each recorded result of a single worker to the recorded start of the next trial."""
    pairs = ((t, night.history.trials[n - 1].outcome) for n, t in night.history.trials.items() if n > since)
    return [(t.attempts[0].started - before.ended).total_seconds() for t, before in pairs if before is not None]


def proposing_seconds(night: Night) -> list[float]:
    """Return how long each proposal of the model took."""
    return [_proposing(t) for t in night.history.trials.values() if t.proposal.generator == "model"]


def memory_growth(night: Night, first: int, last: int) -> float:
    """Return by how many MiB the controller has grown between the ends of two trials."""
    return (_memory_at(night, last) - _memory_at(night, first)) / MIB


def _memory_at(night: Night, trial: int) -> int:
    moment = night.evaluated[trial][1]
    return min(night.memory, key=lambda seen: abs(seen[0] - moment))[1]


def _proposing(trial: Trial) -> float:
    made = trial.proposal.provenance
    return 0.0 if made is None or made.asked.seconds is None else made.asked.seconds


def milliseconds(seconds: Iterable[float]) -> str:
    """Return the median and the mean for people."""
    values = list(seconds)
    return f"{1000 * median(values):.0f} ms (mean {1000 * mean(values):.0f})"
