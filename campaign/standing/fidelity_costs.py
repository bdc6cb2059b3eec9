"""What evaluations at several fidelities cost, and what is left for the search beside the confirming trials."""

import math
from collections.abc import Iterator

from overnight.campaign.definition import Campaign
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Observation
from overnight.campaign.space import Point
from overnight.campaign.standing.spending import spending

# Sums of costs are rounded.
_ROUNDING = 1e-9


def ended_points(history: History) -> Iterator[Point]:
    """Yield the points of the trials that have a result, from which an evaluation may continue."""
    return (trial.point for trial in history.trials.values() if isinstance(trial.outcome, Observation))


def left_for_search(campaign: Campaign, history: History, confirming: int) -> float:
    """Return the cost that is left, less that of what is under way and of so many `confirming` trials.

    Infinite without a budget of cost.
    """
    if campaign.fidelity is None or campaign.budget.cost is None:
        return math.inf
    ended = [*ended_points(history)]
    spent = spending(history.trials.values()).cost
    coming = sum(campaign.fidelity.cost(trial.point, ended) for trial in history.trials.open if not trial.parked)
    full = campaign.fidelity.parameter.cost(campaign.fidelity.parameter.high)
    return campaign.budget.cost - spent - coming - confirming * full + _ROUNDING


def cheapest(campaign: Campaign) -> float:
    """Return the cost of an evaluation at the lowest fidelity; 0 without a fidelity."""
    if campaign.fidelity is None:
        return 0.0
    parameter = campaign.fidelity.parameter
    return parameter.cost(parameter.levels[0])
