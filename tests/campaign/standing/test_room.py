"""How many evaluations a budget of cost pays for if their costs follow from a fidelity."""

import pytest
from thorough_campaigns import Thorough, thorough

from overnight.campaign.standing.confirming import confirming
from overnight.campaign.standing.room import room, trials_left, why_no_room


def told(cost: float, **more) -> Thorough:
    return Thorough(thorough(budget={"trials": 60, "cost": cost} | more))


def test_all_workers_may_start_at_once_because_the_costs_are_known():
    found = told(cost=2)
    assert room(found.campaign, found.history) == 18


def test_running_evaluations_are_reserved_at_their_own_costs():
    found = told(cost=2)
    for epochs in (9, 3):
        found.start(found.propose(0.5, epochs))
    assert room(found.campaign, found.history) == 6
    found.start(found.propose(0.4, 9))
    assert room(found.campaign, found.history) == 0
    # Evaluations that run may yet cost less.
    assert why_no_room(found.campaign, found.history) is None


def test_the_budget_is_spent_when_it_does_not_pay_for_the_cheapest_evaluation():
    found = told(cost=1.4)
    found.run(0.1, 9, loss=1.0)
    found.run(0.2, 3, loss=1.0)
    assert why_no_room(found.campaign, found.history).because == "cost"
    more = told(cost=1.5)
    more.run(0.1, 9, loss=1.0)
    more.run(0.2, 3, loss=1.0)
    assert why_no_room(more.campaign, more.history) is None
    assert room(more.campaign, more.history) == 1


def test_other_budgets_hold_as_well():
    found = told(cost=5, evaluations=2)
    found.run(0.1, 1, loss=1.0)
    assert (room(found.campaign, found.history), trials_left(found.campaign, found.history)) == (1, 1)
    found.run(0.2, 1, loss=1.0)
    assert why_no_room(found.campaign, found.history).because == "evaluations"


def test_the_search_leaves_the_cost_of_a_confirming_trial_at_full_fidelity():
    found = told(cost=2)
    found.run(0.1, 3, loss=1.0)
    found.run(0.2, 3, loss=0.9)
    assert not confirming(found.campaign, found.history).begun
    found.run(0.3, 3, loss=0.8)
    phase = confirming(found.campaign, found.history)
    assert (phase.begun, phase.left, phase.may_propose) == (True, 1, 1)


def test_after_the_confirming_trial_nothing_cheaper_is_measured():
    found = told(cost=3)
    found.run(0.1, 3, loss=1.0)
    found.run(0.2, 9, loss=0.9)
    found.run(0.2, 9, loss=0.8, generator="confirming")
    assert why_no_room(found.campaign, found.history).because == "cost"


@pytest.mark.parametrize("changes", [{"fidelity": None}, {"budget": {"trials": 60, "wall_clock": "8h"}}])
def test_without_a_fidelity_or_a_budget_of_cost_the_costs_so_far_decide(changes):
    found = Thorough(thorough(**changes))
    assert (room(found.campaign, found.history) == 1) == (found.campaign.budget.cost is not None)
