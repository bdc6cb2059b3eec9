"""The trials, the evaluations, the cost and the time of a campaign, and the budget that limits them."""

import math
from collections import Counter
from datetime import datetime
from typing import get_args

from overnight.campaign import History, Point, Trial
from overnight.campaign.budget import Budget
from overnight.campaign.history.trial import Status
from overnight.campaign.standing.confirming import confirming
from overnight.campaign.standing.idle import seconds_idle
from overnight.campaign.standing.spending import Spending, spending
from overnight.campaign.values.read_only import ReadOnly
from overnight.report.story.section import Known, Section
from overnight.report.story.standing import Standing

# Divides the time by a cost that may be zero.
_LEAST_COST = 1e-9


class Limits(Section):
    """The budget; None is unlimited."""

    trials: int
    evaluations: int | None
    cost: float | None
    wall_clock_seconds: float | None


class Running(Section):
    """An attempt that has started and not ended."""

    trial: int
    attempt: int
    since: datetime
    point: Point


class Cost(Section):
    """The cost of the evaluations that ended; each `unreported` one is charged the mean of the `reported` ones."""

    charged: Known
    reported: int
    unreported: int


class Spent(Section):
    """The trials and the resources of a campaign.

    `trials` counts each trial once, by its status. `imported` is how many of the observed ones came with past results,
    outside the budget; `ended` is how many trials of the budget have ended. Attempts run in the cluster `sent_to`, and
    `running` then includes those that no worker has taken yet. `seconds_per_trial` is unknown before the first trial
    has ended here, and `seconds_left` also while the campaign waits for people.
    """

    trials: ReadOnly[dict[Status, int]]
    imported: int
    ended: int
    repeated_attempts: int
    evaluations: int
    cost: Cost
    limits: Limits
    workers: int
    sent_to: str | None
    running: tuple[Running, ...]
    seconds_at_work: float
    seconds_per_trial: Known
    seconds_left: Known

    @property
    def share(self) -> float:
        """Return the share of the budget that is spent, at most 1: of the trials or of the cost, whichever is more."""
        limit, charged = self.limits.cost, self.cost.charged
        of_cost = 0.0 if limit is None or charged is None else charged / limit
        return min(max(self.ended / self.limits.trials, of_cost), 1.0)


def spent_of(history: History, standing: Standing, now: datetime) -> Spent:
    """Count the trials and resources of a campaign until now."""
    trials, campaign = [history.trials[i] for i in sorted(history.trials)], history.definition
    counts, ended = Counter(trial.status for trial in trials), sum(t.counted and t.outcome is not None for t in trials)
    spent, pace = spending(trials), _seconds_per_trial(trials)
    return Spent(
        trials={status: counts[status] for status in get_args(Status)},
        imported=sum(trial.imported for trial in trials),
        ended=ended,
        repeated_attempts=sum(1 for t in trials for a in t.attempts if a.failed is not None and a.failed.will_retry),
        evaluations=spent.evaluations,
        cost=_cost(spent),
        limits=_limits(campaign.budget),
        workers=campaign.at_once,
        sent_to=sent_to(history),
        running=tuple(_running(history)),
        seconds_at_work=_seconds_at_work(history, standing, now),
        seconds_per_trial=pace,
        seconds_left=_seconds_left(history, standing, pace, ended),
    )


def sent_to(history: History) -> str | None:
    """Return the cluster that evaluates, as the campaign's file names it; None if evaluations run here."""
    latest = history.revised or history.defined
    place = {} if latest is None else latest.settings.get("run_on") or {}
    kind = place.get("kind")
    return None if kind is None else f"{kind} `{place.get(kind)}`"


def known_until(history: History, standing: Standing, now: datetime) -> datetime:
    """Return the time until which the campaign is known: now if it runs, else its last event."""
    last = history.last_time
    return now if last is None or (now > last and standing.state == "running") else last


def _limits(budget: Budget) -> Limits:
    return Limits(
        trials=budget.trials,
        evaluations=budget.evaluations,
        cost=budget.cost,
        wall_clock_seconds=None if budget.wall_clock is None else budget.wall_clock.total_seconds(),
    )


def _cost(spent: Spending) -> Cost:
    return Cost(charged=spent.cost, reported=len(spent.costs), unreported=spent.unreported)


def _running(history: History) -> list[Running]:
    attempts = ((trial, trial.open_attempt) for trial in history.trials.open)
    return [
        Running(trial=trial.id, attempt=attempt.number, since=attempt.started, point=trial.point)
        for trial, attempt in attempts
        if attempt is not None
    ]


def _seconds_at_work(history: History, standing: Standing, now: datetime) -> float:
    last = history.last_time
    if last is None:
        return history.active_seconds
    return history.active_seconds + (known_until(history, standing, now) - last).total_seconds()


def _seconds_per_trial(trials: list[Trial]) -> float | None:
    ended = [seconds for t in trials if (seconds := t.seconds) is not None]
    return math.fsum(ended) / len(ended) if ended else None


def _seconds_left(history: History, standing: Standing, pace: float | None, ended: int) -> float | None:
    """Return the remaining time at the pace so far: at least one trial, at most the rest of the wall-clock budget.

    A trial takes its own time and that for which its worker waits for it. Confirming trials take their time one after
    the other. With a fidelity, trials differ in length, and the pace is the time per cost.
    """
    if pace is None or standing.waits is not None:
        return None
    campaign = history.definition
    trials = [history.trials[i] for i in sorted(history.trials)]
    idle = seconds_idle(trials, campaign.at_once)
    remaining = campaign.budget.trials - ended
    if standing.state == "finished" or remaining <= 0:
        return 0.0
    in_sequence = confirming(campaign, history).left
    # The last of the trials that are left may have started already, and no worker waits for it.
    in_turn = (remaining - in_sequence) / campaign.at_once + in_sequence
    left = max((pace + idle) * in_turn, pace)
    if campaign.fidelity is not None and campaign.budget.cost is not None:
        cost = spending(trials).cost
        of_all = (pace + idle) * sum(trial.seconds is not None for trial in trials)
        left = of_all / max(cost, _LEAST_COST) * max(campaign.budget.cost - cost, 0.0) / campaign.at_once
    limit = campaign.budget.wall_clock
    return left if limit is None else min(left, max(limit.total_seconds() - history.active_seconds, 0.0))
