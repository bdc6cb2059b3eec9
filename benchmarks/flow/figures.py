"""Figures computed from a campaign: the share of busy time, and a trial's time apart from evaluating and proposing."""

import math
from collections.abc import Iterable
from itertools import pairwise
from statistics import mean, median

from benchmarks.flow.night import Night
from overnight.campaign import Trial

MIB = 2**20


def busy_share(night: Night) -> float:
    """Return the share of the workers' time that was spent evaluating.

    The period runs from the moment at which every worker has had its first trial until the last trial began. The time
    before is the cold start; afterwards no trial is left to start.
    """
    began = sorted(start for start, _ in night.evaluated.values())
    workers = night.history.definition.workers
    first, last = began[workers - 1], began[-1]
    busy = math.fsum(max(min(end, last) - max(start, first), 0.0) for start, end in night.evaluated.values())
    return busy / ((last - first) * workers)


def cold_start_seconds(night: Night) -> float:
    """Return the seconds from the start of the first evaluation until every worker had one."""
    began = sorted(start for start, _ in night.evaluated.values())
    return began[night.history.definition.workers - 1] - began[0]


def overheads(night: Night) -> dict[int, float]:
    """Return each trial's seconds apart from evaluating and proposing, by its number, for a single worker.

    This is the time between the end of one evaluation and the start of the next, minus the time of the proposal.
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
    """Return how long each proposal by the model took."""
    return [_proposing(t) for t in night.history.trials.values() if t.proposal.generator == "model"]


def memory_growth(night: Night, first: int, last: int) -> float:
    """Return how many MiB the controller's memory grew between the ends of two trials."""
    return (_memory_at(night, last) - _memory_at(night, first)) / MIB


def _memory_at(night: Night, trial: int) -> int:
    moment = night.evaluated[trial][1]
    return min(night.memory, key=lambda seen: abs(seen[0] - moment))[1]


def _proposing(trial: Trial) -> float:
    made = trial.proposal.provenance
    return 0.0 if made is None or made.asked.seconds is None else made.asked.seconds


def milliseconds(seconds: Iterable[float]) -> str:
    """Return the median and the mean, formatted for people."""
    values = list(seconds)
    return f"{1000 * median(values):.0f} ms (mean {1000 * mean(values):.0f})"
