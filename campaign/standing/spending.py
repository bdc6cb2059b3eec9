"""The evaluations and the cost that a campaign has spent."""

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from overnight.campaign.budget import Budget
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Attempt, Observation, Trial
from overnight.campaign.standing.ends import Over

_UNLIMITED = 10**9
# Sums of costs are rounded, so that a budget of ten times 0.1 pays for ten.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Spending:
    """Evaluations started, evaluations running, the known costs, and how many ended without a cost (`untold`)."""

    evaluations: int
    running: int
    costs: tuple[float, ...]
    unreported: int

    @property
    def expected_cost(self) -> float | None:
        """Return the expected cost of one more evaluation, the mean of the known costs; None before the first."""
        return _sum(self.costs) / len(self.costs) if self.costs else None

    @property
    def cost(self) -> float:
        """Return the cost of the evaluations that ended; one without a reported cost is charged the expected cost."""
        return min(_sum(self.costs) + self.unreported * (self.expected_cost or 0.0), sys.float_info.max)

    def room(self, budget: Budget) -> int:
        """Return how many more evaluations may start now.

        For a budget of cost, running evaluations are reserved at the highest known cost, except the last one to start,
        which is reserved at the expected cost. The budget is therefore overspent at most by what that last one costs
        above the mean, plus what others cost above the highest cost known when they started. Until a cost is known,
        evaluations run one at a time.
        """
        rooms = [_UNLIMITED]
        if budget.evaluations is not None:
            rooms.append(budget.evaluations - self.evaluations)
        if budget.cost is not None:
            rooms.append(self._paid_by(budget.cost))
        return max(min(rooms), 0)

    def likely_room(self, budget: Budget) -> int:
        """Return how many more evaluations are likely to start before a budget is spent, at the mean of known costs."""
        rooms = [_UNLIMITED]
        if budget.evaluations is not None:
            rooms.append(budget.evaluations - self.evaluations)
        if budget.cost is not None and self.expected_cost is not None and self.expected_cost > 0:
            affordable = (budget.cost - self.cost) / self.expected_cost + _ROUNDING
            rooms.append(math.floor(max(min(affordable, _UNLIMITED), -_UNLIMITED)) - self.running)
        return min(rooms)

    def why_spent(self, budget: Budget) -> Over | None:
        """Return which budget allows no further evaluation, even after the running ones end; None if all allow one."""
        if budget.evaluations is not None and self.evaluations >= budget.evaluations:
            return Over("evaluations", f"all {budget.evaluations} evaluations of the budget have been started")
        if budget.cost is None or self.running or self._paid_by(budget.cost) > 0:
            return None
        one_more = f"one more is expected to cost {self.expected_cost or 0.0:g}"
        return Over(
            "cost", f"the cost budget of {budget.cost:g} is spent: evaluations cost {self.cost:g}, and {one_more}"
        )

    def _paid_by(self, budget: float) -> int:
        if self.expected_cost is None:
            return 1 - self.running
        left, dearest = budget - self.cost - self.expected_cost, max(self.costs)
        if dearest <= 0:
            return _UNLIMITED if left >= 0 else 0
        rooms = max(min(left / dearest + _ROUNDING, _UNLIMITED), -_UNLIMITED)
        return math.floor(rooms) + 1 - self.running


def _sum(costs: Iterable[float]) -> float:
    """Return the sum, capped at the largest float."""
    try:
        return math.fsum(costs)
    except OverflowError:
        return sys.float_info.max


def room_after(trials: Iterable[Trial], budget: Budget) -> int:
    """Return how many more evaluations the budget allows after these trials; cheap if only trials are limited."""
    return _UNLIMITED if _is_unlimited(budget) else spending(trials).room(budget)


def why_spent(trials: Iterable[Trial], budget: Budget) -> Over | None:
    """Return which budget these trials have spent, as `Spending.why_spent` does; cheap if only trials are limited."""
    return None if _is_unlimited(budget) else spending(trials).why_spent(budget)


def likely_left(history: History, budget: Budget) -> int:
    """Return how many more trials are likely to be proposed before a budget is spent, if each needs one evaluation.

    Budgets of time do not count: how many trials fit into them is unknown.
    """
    left = budget.trials - history.taken
    if _is_unlimited(budget):
        return left
    to_start = sum(1 for trial in history.trials.open if trial.open_attempt is None)
    return min(left, spending(history.trials.values()).likely_room(budget) - to_start)


def _is_unlimited(budget: Budget) -> bool:
    return budget.evaluations is None and budget.cost is None


def spending(trials: Iterable[Trial]) -> Spending:
    """Count what these trials have spent; an attempt that failed because of its machine spent nothing."""
    evaluations = running = unreported = 0
    costs: list[float] = []
    for trial in trials:
        for attempt in trial.attempts:
            if attempt.failed is not None and attempt.failed.machine:
                continue
            evaluations += 1
            if attempt is trial.open_attempt:
                running += 1
            elif (cost := _cost(trial, attempt)) is not None:
                costs.append(cost)
            else:
                unreported += 1
    return Spending(evaluations, running, tuple(costs), unreported)


def has_reported_costs(trials: Iterable[Trial]) -> bool:
    """Return whether any evaluation reported a cost; otherwise a model of costs uses seconds instead."""
    return any(isinstance(trial.outcome, Observation) and trial.outcome.cost is not None for trial in trials)


def _cost(trial: Trial, attempt: Attempt) -> float | None:
    if attempt.failed is not None:
        return attempt.failed.cost
    ended = trial.outcome
    return ended.cost if isinstance(ended, Observation) and ended.attempt == attempt.number else None
