import math
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.campaign.budget import Budget
from overnight.campaign.history.trial import Attempt, AttemptEnd, Observation, Proposal, Trial
from overnight.campaign.standing.spending import Spending, room_after, spending

NOW = datetime(2026, 1, 1, tzinfo=UTC)
costs = st.floats(0, 100, allow_nan=False)


def attempt(number: int, failed: AttemptEnd | None = None) -> Attempt:
    return Attempt(number=number, key=f"key/{number}", actor="controller", started=NOW, failed=failed)


def failure(cost: float | None) -> AttemptEnd:
    return AttemptEnd(cause="infrastructure", message="gone", will_retry=True, cost=cost, ended=NOW)


def trial(*attempts: Attempt, cost: float | None = None, observed: bool = False) -> Trial:
    outcome = Observation(attempt=len(attempts), metrics={}, cost=cost, ended=NOW) if observed else None
    return Trial(
        id=1, proposal=Proposal(point={"x": 1}, generator="sobol"), proposed=NOW, attempts=attempts, outcome=outcome
    )


def test_every_attempt_is_an_evaluation_and_what_each_said_is_its_cost():
    told = spending(
        [
            trial(attempt(1, failure(2.0)), attempt(2), cost=4.0, observed=True),
            trial(attempt(1, failure(None)), attempt(2)),
            trial(),
        ]
    )
    assert told == Spending(evaluations=4, running=1, costs=(2.0, 4.0), unreported=1)
    assert told.expected_cost == 3.0
    assert told.cost == 2.0 + 4.0 + 3.0


def test_imported_results_are_no_evaluations_whatever_they_cost():
    imported = trial(cost=99.0, observed=True)
    assert spending([imported]) == Spending(0, 0, (), 0)


@given(st.integers(1, 50), st.integers(0, 60), st.integers(0, 10))
def test_the_budget_of_evaluations_leaves_what_has_not_started(budget, started, running):
    spent = Spending(started, min(running, started), (), 0)
    assert spent.room(Budget(trials=1, evaluations=budget)) == max(budget - started, 0)
    assert (spent.why_spent(Budget(trials=1, evaluations=budget)) is None) == (started < budget)


@given(st.lists(costs, min_size=1, max_size=8), st.integers(0, 5), st.integers(0, 3), st.floats(1, 1000))
def test_as_many_start_as_can_be_paid_for_with_those_that_run_at_the_highest_known_cost(
    known, running, unreported, cap
):
    spent = Spending(len(known) + running + unreported, running, tuple(known), unreported)
    mean, dearest = sum(known) / len(known), max(known)
    paid = sum(known) + unreported * mean

    def affordable(more: int) -> bool:
        return paid + (running + more - 1) * dearest + mean <= cap * (1 + 1e-9)

    found = spent.room(Budget(trials=1, cost=cap))
    for more in range(1, 40):
        # Exactly on the limit, either answer is right.
        if abs(paid + (running + more - 1) * dearest + mean - cap) > 1e-6 * cap:
            assert (more <= found) == affordable(more)


def test_before_any_cost_is_known_one_evaluation_runs_at_a_time():
    budget = Budget(trials=9, cost=1.0)
    assert [Spending(n, n, (), 0).room(budget) for n in (0, 1, 2)] == [1, 0, 0]
    assert Spending(3, 0, (), 3).room(budget) == 1


@pytest.mark.parametrize("cost", [0.1, 0.3, 1.0, 1 / 3, 7.7])
@given(paid=st.integers(1, 200))
def test_a_budget_of_so_many_times_one_cost_pays_for_exactly_so_many(cost, paid):
    budget = Budget(trials=1000, cost=paid * cost)
    assert Spending(paid - 1, 0, (cost,) * (paid - 1), 0).room(budget) == 1
    assert Spending(paid, 0, (cost,) * paid, 0).room(budget) == 0
    assert Spending(paid, 0, (cost,) * paid, 0).why_spent(budget).because == "cost"


def test_a_budget_of_trials_alone_limits_no_evaluation():
    assert room_after([trial(attempt(1))], Budget(trials=1)) > 1_000_000
    assert spending([trial(attempt(1))]).why_spent(Budget(trials=1)) is None


def test_costs_that_add_up_to_more_than_a_float_holds_spend_a_budget_and_stop_nothing():
    most = sys.float_info.max
    for costs in ((most, most, 1.0), (most, 5e-324), (5e-324, 5e-324)):
        spent = Spending(evaluations=4, running=0, costs=costs, unreported=1)
        assert math.isfinite(spent.cost)
        for cost in (1e-300, 1.0, most):
            room = spent.room(Budget(trials=10, cost=cost))
            assert room >= 0
            assert (spent.why_spent(Budget(trials=10, cost=cost)) is None) == (room > 0)
