"""How many more evaluations the budgets of a campaign pay for.

Without a fidelity, nothing is known of the next evaluation but the costs of the others (`spending.py`). With one, the
cost of each evaluation is known before it starts.
"""

import math

from overnight.campaign.budget import Budget
from overnight.campaign.definition import Campaign
from overnight.campaign.history.history import History
from overnight.campaign.standing.confirmed import has_confirmed
from overnight.campaign.standing.ends import Over
from overnight.campaign.standing.fidelity_costs import FidelityCosts
from overnight.campaign.standing.spending import likely_left, room_after, spending, why_spent

_UNLIMITED = 10**9
# Sums of costs are rounded.
_ROUNDING = 1e-9


def room(campaign: Campaign, history: History) -> int:
    """Return how many more evaluations may start now.

    With a fidelity, running evaluations are reserved at their expected costs. The budget of cost is overspent at most
    by what an evaluation that starts costs more than the cheapest one.
    """
    trials, budget = history.trials.values(), campaign.budget
    paid = _paid(campaign, history)
    return room_after(trials, budget) if paid is None else min(room_after(trials, _without_cost(budget)), paid)


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
    if spent.running or paid > 0:
        return None
    return Over("cost", f"the cost budget of {budget.cost:g} pays for no other evaluation: {spent.cost:g} is spent")


def _paid(campaign: Campaign, history: History) -> int | None:
    """Return how many of the cheapest evaluations the budget of cost pays for; None without a fidelity or a budget.

    After a confirming trial only evaluations at full fidelity count, because no other could change the recommendation.
    """
    if campaign.fidelity is None or campaign.budget.cost is None:
        return None
    costs = FidelityCosts.of(campaign.fidelity, history)
    running = sum(costs.at(trial.point) for trial in history.trials.open if trial.open_attempt is not None)
    left = campaign.budget.cost - spending(history.trials.values()).cost - running
    least = costs.full if has_confirmed(history) else costs.cheapest
    if least <= 0:
        return _UNLIMITED if left >= 0 else 0
    return math.floor(max(min(left / least + _ROUNDING, _UNLIMITED), 0))


def _without_cost(budget: Budget) -> Budget:
    return budget.model_copy(update={"cost": None})
