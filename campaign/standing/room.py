"""How many more evaluations the budgets of a campaign pay for.

Without a fidelity, nothing is known of the next evaluation but the costs of the others (`spending.py`). With one, the
cost of each evaluation is known before it starts.
"""

import math
from collections.abc import Iterable

from overnight.campaign.definition import Budget, Campaign, lies_in
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Trial
from overnight.campaign.standing.confirmed import has_confirmed
from overnight.campaign.standing.ends import Over
from overnight.campaign.standing.fidelity_costs import FidelityCosts
from overnight.campaign.standing.spending import likely_left, room_after, spending, why_spent

_UNLIMITED = 10**9
# Sums of costs are rounded.
_ROUNDING = 1e-9


def room(campaign: Campaign, history: History) -> int:
    """Return how many more evaluations may start now.

    With a fidelity, running evaluations are reserved at their expected costs, and the others count as the cheapest ones
    do; `fitting` decides which of them may start.
    """
    trials, budget = history.trials.values(), campaign.budget
    paid = _paid(campaign, history)
    return room_after(trials, budget) if paid is None else min(room_after(trials, _without_cost(budget)), paid)


def fitting(campaign: Campaign, history: History, trials: Iterable[Trial]) -> list[Trial]:
    """Return which of these trials may start now, in their order, without the budget of cost being overspent.

    Each must fit in addition to the running ones and those before it, by expected costs. Without a fidelity all do,
    because their costs are unknown.
    """
    if campaign.fidelity is None or campaign.budget.cost is None:
        return [*trials]
    costs, found = FidelityCosts.of(campaign.fidelity, history), list[Trial]()
    left = _left(campaign.budget.cost, history, costs)
    for trial in trials:
        if (cost := costs.of_trial(trial)) <= left + _ROUNDING:
            found.append(trial)
            left -= cost
    return found


def pays_for_full(campaign: Campaign, history: History) -> bool:
    """Return whether the budget of cost pays for one more full evaluation in addition to the running ones."""
    if campaign.fidelity is None or campaign.budget.cost is None:
        return True
    costs = FidelityCosts.of(campaign.fidelity, history)
    return costs.full <= _left(campaign.budget.cost, history, costs) + _ROUNDING


def trials_left(campaign: Campaign, history: History) -> int:
    """Return how many more trials are likely to be proposed before a budget is spent, if each needs one evaluation."""
    budget, paid = campaign.budget, _paid(campaign, history)
    if paid is None:
        return likely_left(history, budget)
    to_start = sum(1 for trial in history.trials.open if trial.open_attempt is None)
    return min(likely_left(history, _without_cost(budget)), paid - to_start)


def why_no_room(campaign: Campaign, history: History) -> Over | None:
    """Return which budget allows no further evaluation, even after the running ones end; None if all allow one."""
    trials, budget, paid = history.trials.values(), campaign.budget, _paid(campaign, history)
    if paid is None:
        return why_spent(trials, budget)
    if (over := why_spent(trials, _without_cost(budget))) is not None:
        return over
    spent = spending(trials)
    if spent.running or (paid > 0 and _one_fits(campaign, history)):
        return None
    return nothing_is_paid(campaign, history)


def nothing_is_paid(campaign: Campaign, history: History) -> Over:
    """Return that the budget of cost pays for no other evaluation that would help."""
    spent, budget = spending(history.trials.values()).cost, campaign.budget.cost
    return Over("cost", f"the cost budget of {budget:g} pays for no other evaluation: {spent:g} is spent")


def _one_fits(campaign: Campaign, history: History) -> bool:
    """Return whether a trial that waits fits into the budget of cost; True if none waits."""
    unended = [trial for trial in history.trials.open if trial.pending and trial.open_attempt is None]
    waiting = [trial for trial in unended if lies_in(campaign, trial.point)]
    return not waiting or bool(fitting(campaign, history, waiting))


def _paid(campaign: Campaign, history: History) -> int | None:
    """Return how many of the cheapest evaluations the budget of cost pays for; None without a fidelity or a budget.

    After a confirming trial only evaluations at full fidelity count, because no other could change the recommendation.
    """
    if campaign.fidelity is None or campaign.budget.cost is None:
        return None
    costs = FidelityCosts.of(campaign.fidelity, history)
    left = _left(campaign.budget.cost, history, costs)
    least = costs.full if has_confirmed(history) else costs.cheapest
    if least <= 0:
        return _UNLIMITED if left >= 0 else 0
    return math.floor(max(min(left / least + _ROUNDING, _UNLIMITED), 0))


def _left(budget: float, history: History, costs: FidelityCosts) -> float:
    """Return what is left of the budget of cost after the running evaluations."""
    running = sum(costs.of_trial(trial) for trial in history.trials.open if trial.open_attempt is not None)
    return budget - spending(history.trials.values()).cost - running


def _without_cost(budget: Budget) -> Budget:
    return budget.model_copy(update={"cost": None})
