"""Points of the Sobol sequence, at the fidelities that the first points of a campaign have."""

import math
import sys
from collections.abc import Sequence

from overnight.bo_core.data.encoding import Encoding, key_of
from overnight.bo_core.data.taken import Taken
from overnight.bo_core.search.sobol import sobol_points
from overnight.campaign import Campaign, History, Point
from overnight.campaign.standing.fidelity_costs import FidelityCosts, left_for_search

_UNLIMITED = 10**9
# The first points at full fidelity, from which the spread there is known, and the share of the budget for them.
_FIRST_IN_FULL, _SHARE_IN_FULL = 5, 0.25


def sequence_points(
    campaign: Campaign,
    history: History,
    encoding: Encoding,
    taken: Taken,
    chosen: Sequence[Point],
    count: int,
    reserve: int,
) -> list[Point]:
    """Return the next `count` points of the sequence after those that the same proposal has `chosen` already.

    With a fidelity, a point that was tried at any fidelity is not proposed again unless a finite space has no other;
    such points are then measured in full. Fewer points, but at least one, are returned if the budget of cost pays for
    fewer in addition to so many confirming trials in `reserve`.
    """
    fidelity, taken = campaign.fidelity, taken.and_chosen({key_of(point) for point in chosen})
    if fidelity is None or count == 0:
        return sobol_points(encoding, campaign.seed, taken, count)
    new = min(count, new_at_all(campaign, history, encoding, chosen))
    tried = _tried(history, chosen)
    in_full = {key_of(fidelity.at(point)) for point in tried}
    costs = FidelityCosts.of(fidelity, history)
    room = left_for_search(campaign, history, costs, reserve) - sum(costs.at(point) for point in chosen)
    found = sobol_points(encoding, campaign.seed, taken.and_chosen(in_full), new)
    points = spread_over_fidelities(costs, room, tried, found, first_in_full(campaign, costs))
    again = sobol_points(encoding, campaign.seed, taken.and_chosen({key_of(p) for p in points}), count - new)
    return _paid(costs, room, [*points, *again])


def new_at_all(campaign: Campaign, history: History, encoding: Encoding, chosen: Sequence[Point]) -> int:
    """Return how many points of a finite space were tried at no fidelity; a vast number without a fidelity."""
    fidelity, size = campaign.fidelity, encoding.size()
    if fidelity is None or size is None:
        return _UNLIMITED
    return max(size - len({key_of(fidelity.at(point)) for point in _tried(history, chosen)}), 0)


def spread_over_fidelities(
    costs: FidelityCosts, room: float, tried: Sequence[Point], points: Sequence[Point], in_full: int = 1
) -> list[Point]:
    """Return points of the first phase, so many `in_full` and the others so that as much is spent at each fidelity.

    The results in full come first. They are the only ones that show how much outcomes differ in full, and without that
    the errors of low fidelities look like such differences. As much as for one of them is then spent at each lower
    fidelity: a point is at the one for which least was spent, the highest of several. Only fidelities that the `room`
    pays for count, or the cheapest one if it pays for none.
    """
    fidelity, found = costs.fidelity, list[Point]()
    parameter = fidelity.parameter
    expected = {level: costs.from_nothing(level) for level in reversed(parameter.levels)}
    cheapest = min(expected.values())
    spent = {level: -(in_full - 1) * parameter.cost(level) * (level == parameter.high) for level in expected}
    for point in tried:
        if (level := fidelity.of(point)) in spent:
            spent[level] += parameter.cost(level)
    for point in points:
        paid = [level for level, cost in expected.items() if cost <= max(room, cheapest)]
        level = min(paid, key=lambda each: spent[each])
        spent[level] += parameter.cost(level)
        room -= expected[level]
        found.append(fidelity.at(point, level))
    return found


def first_in_full(campaign: Campaign, costs: FidelityCosts) -> int:
    """Return how many points of the first phase are at full fidelity: five, or what a quarter of the budget pays for.

    One at least is.
    """
    if campaign.budget.cost is None:
        return _FIRST_IN_FULL
    paid = _SHARE_IN_FULL * campaign.budget.cost / max(costs.full, sys.float_info.min)
    return max(math.floor(min(paid, _FIRST_IN_FULL)), 1)


def _paid(costs: FidelityCosts, room: float, points: Sequence[Point]) -> list[Point]:
    """Return the first points, as many as begin with room for the cheapest evaluation, and at least one."""
    found = list[Point]()
    for point in points:
        if found and room < costs.cheapest:
            break
        found.append(point)
        room -= costs.at(point)
    return found


def _tried(history: History, chosen: Sequence[Point]) -> list[Point]:
    return [*(trial.point for trial in history.trials.values()), *chosen]
