"""How a campaign stands, in a few numbers; light enough to be asked for every second."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from campaign import Campaign, History, Measurement, Trial
from campaign.evaluation import Cause
from campaign.events import CampaignFinished
from campaign.spending import Spending, spending
from report.trial_facts import failure_of, objective_of


@dataclass(frozen=True)
class Standing:
    """Whether a controller acts for the campaign; if it stopped, why."""

    kind: Literal["defined", "running", "interrupted", "drained", "finished"]
    reason: str | None = None

    def __str__(self) -> str:
        return self.kind if self.reason is None else f"{self.kind}: {self.reason}"


@dataclass(frozen=True)
class Best:
    """The trial with the best measured objective: perhaps a lucky one, which a recommendation is not."""

    trial: int
    measurement: Measurement


@dataclass(frozen=True)
class Summary:
    """A campaign in numbers.

    Trials are counted once each: `observed + failed + running + waiting` is how many there are. Of the observed,
    `imported` came with past results and are outside the budget. `spent` holds evaluations and what they cost.
    `seconds_per_trial` and `seconds_left` are None before any trial has ended that was tried here.
    """

    campaign: str
    standing: Standing
    budget: int
    workers: int
    observed: int
    imported: int
    failed: int
    running: int
    waiting: int
    best: Best | None
    seconds_per_trial: float | None
    seconds_left: float | None
    spent: Spending
    failures_by_cause: Mapping[Cause, int]
    repeated_attempts: int
    events: int
    active_seconds: float
    started: datetime | None
    last_event: datetime | None

    @property
    def ended(self) -> int:
        """Return how many trials of the budget have ended."""
        return self.observed - self.imported + self.failed


def summarise(history: History, *, alive: bool = True) -> Summary:
    """Count what has happened so far.

    The events cannot tell whether the controller still lives: the caller says so with `alive`. Raises
    InvalidHistory where nothing has been defined.
    """
    campaign = history.definition
    trials = [history.trials[i] for i in sorted(history.trials)]
    counts, imported = Counter(trial.status for trial in trials), sum(t.imported for t in trials)
    standing = standing_of(history, alive=alive)
    ended = counts["observed"] - imported + counts["failed"]
    seconds_per_trial = _seconds_per_trial(trials)
    return Summary(
        campaign=campaign.name,
        standing=standing,
        budget=campaign.budget.trials,
        workers=campaign.workers,
        observed=counts["observed"],
        imported=imported,
        failed=counts["failed"],
        running=counts["running"],
        waiting=counts["waiting"],
        best=best_measured(campaign, trials),
        seconds_per_trial=seconds_per_trial,
        seconds_left=_seconds_left(history, standing, seconds_per_trial, ended),
        spent=spending(trials),
        failures_by_cause=MappingProxyType(Counter(f.cause for t in trials if (f := failure_of(t)) is not None)),
        repeated_attempts=sum(1 for t in trials for a in t.attempts if a.failed is not None and a.failed.will_retry),
        events=history.events,
        active_seconds=history.active_seconds,
        started=history.defined.time if history.defined else None,
        last_event=history.last_time,
    )


def standing_of(history: History, *, alive: bool) -> Standing:
    """Return how the campaign stands; without a closing event it is running or, the controller gone, interrupted."""
    if history.closed_by is not None:
        over = isinstance(history.closed_by, CampaignFinished)
        return Standing("finished" if over else "drained", history.closed_by.reason)
    if history.lease is None:
        return Standing("defined")
    return Standing("running" if alive else "interrupted")


def best_measured(campaign: Campaign, trials: Iterable[Trial]) -> Best | None:
    """Return the best measurement in the objective's direction, the earliest of equals."""
    measured = [Best(t.id, m) for t in trials if (m := objective_of(campaign, t)) is not None]
    return max(measured, key=lambda best: campaign.objective.sign * best.measurement.mean, default=None)


def _seconds_per_trial(trials: Iterable[Trial]) -> float | None:
    ended = [seconds for t in trials if (seconds := t.seconds) is not None]
    return math.fsum(ended) / len(ended) if ended else None


def _seconds_left(history: History, standing: Standing, seconds_per_trial: float | None, ended: int) -> float | None:
    """Return what remains at the pace so far: never less than one trial, never more than the wall-clock budget."""
    if seconds_per_trial is None:
        return None
    campaign = history.definition
    remaining = campaign.budget.trials - ended
    if standing.kind == "finished" or remaining <= 0:
        return 0.0
    left = seconds_per_trial * max(remaining / campaign.workers, 1.0)
    limit = campaign.budget.wall_clock
    return left if limit is None else min(left, max(limit.total_seconds() - history.active_seconds, 0.0))
