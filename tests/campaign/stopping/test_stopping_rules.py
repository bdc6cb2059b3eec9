"""Rules that stop a running trial, compared with their definitions in the papers."""

import statistics
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.campaign.stopping import Curve, MedianRule, SuccessiveHalvingRule


def curve(trial: int, *values: float, ended: bool = True, first: int = 1) -> Curve:
    return Curve(trial, tuple(range(first, first + len(values))), values, ended)


def test_a_trial_ends_whose_best_is_worse_than_the_median_of_running_averages():
    rule, others = MedianRule(after_trials=3), [curve(1, 1, 3), curve(2, 3, 5), curve(3, 5, 9)]
    reason = rule.should_stop(curve(4, 3.9, 3, ended=False), others, 2)
    assert reason is not None
    assert (reason.step, reason.value, reason.threshold, reason.others) == (2, 3.9, 4, 3)
    assert rule.should_stop(curve(4, 4, 3, ended=False), others, 2) is None


def test_the_median_rule_compares_with_nothing_that_still_runs_or_has_not_come_so_far():
    rule = MedianRule(after_trials=2)
    others = [curve(1, 9, 9), curve(2, 9), curve(3, 9, 9, ended=False)]
    assert rule.should_stop(curve(4, 0, 0, ended=False), others, 2) is None
    assert rule.should_stop(curve(4, 0, 0, ended=False), [*others, curve(5, 9, 9, 9)], 2) is not None


@pytest.mark.parametrize(("rule", "stops"), [(MedianRule(after_step=3), False), (MedianRule(after_step=2), True)])
def test_nothing_is_stopped_while_it_warms_up(rule, stops):
    others = [curve(trial, 5, 5, 5) for trial in range(5)]
    assert (rule.should_stop(curve(9, 1, 1, ended=False), others, 2) is not None) == stops
    assert rule.should_stop(curve(9, 1, 1, ended=False), others[:4], 2) is None


def test_a_trial_ends_at_a_rung_where_it_is_not_among_the_best_third():
    rule, others = SuccessiveHalvingRule(), [curve(trial, float(trial)) for trial in range(1, 6)]
    assert rule.should_stop(curve(9, 4.5), others, 1) is None
    reason = rule.should_stop(curve(9, 3.5), others, 1)
    assert reason is not None
    assert (reason.threshold, reason.others) == (4, 5)
    assert reason.against == "the best 2 of 6 trials at rung 1"


def test_successive_halving_judges_a_trial_only_when_it_arrives_at_a_rung():
    rule, others = SuccessiveHalvingRule(), [curve(trial, *[5.0] * 9) for trial in range(1, 6)]
    late = curve(9, *[1.0] * 9)
    assert [step for step in range(1, 10) if rule.should_stop(late, others, step)] == [1, 3, 9]


def test_whoever_reports_past_a_rung_is_judged_at_its_first_step_behind_it():
    rule, others = SuccessiveHalvingRule(first_step=4), [curve(trial, *[5.0] * 9) for trial in range(1, 6)]
    rare = Curve(9, (3, 6, 9), (1.0, 1.0, 1.0), ended=False)
    assert [step for step in rare.steps if rule.should_stop(rare, others, step)] == [6]


def test_the_first_to_arrive_go_on_as_there_are_too_few_to_compare_with():
    rule = SuccessiveHalvingRule(reduction=4)
    assert rule.should_stop(curve(3, 0.0), [curve(1, 9.0), curve(2, 9.0)], 1) is None
    assert rule.should_stop(curve(3, 0.0), [curve(1, 9.0), curve(2, 9.0), curve(4, 9.0)], 1) is not None


values = st.floats(-1e6, 1e6)


@given(st.lists(st.lists(values, min_size=4, max_size=4), min_size=5, max_size=9), st.lists(values, min_size=4))
def test_the_median_rule_is_the_papers(rows, own):
    others = [curve(i, *row) for i, row in enumerate(rows)]
    mine = curve(99, *own[:4], ended=False)
    averages = [statistics.fmean(row) for row in rows]
    reason = MedianRule().should_stop(mine, others, 4)
    threshold = statistics.median(averages)
    if abs(max(own[:4]) - threshold) > 1e-6:
        assert (reason is not None) == (max(own[:4]) < threshold)


@given(st.lists(values, min_size=1, max_size=30), values, st.integers(2, 5))
def test_of_all_that_reach_a_rung_at_least_the_best_share_goes_on(others, own, reduction):
    curves = [curve(i, value) for i, value in enumerate(others)]
    stopped = SuccessiveHalvingRule(reduction=reduction).should_stop(curve(99, own), curves, 1) is not None
    better, all_there = sum(value > own for value in others), len(others) + 1
    assert stopped == (all_there >= reduction and better >= all_there // reduction)


def test_averages_and_medians_of_the_largest_floats_are_finite() -> None:
    most = sys.float_info.max
    # Thirds of the largest float are rounded up, so their sum overflows.
    assert Curve(1, (1, 2, 3), (most, most, most), ended=True).average_by(3) == most
    assert Curve(1, (1, 2, 3), (-most, -most, -most), ended=True).average_by(3) == -most
    others = [Curve(i, (1,), (sign * most,), ended=True) for i, sign in enumerate((1, 1, 1, 1))]
    stopped = MedianRule(after_trials=4).should_stop(Curve(9, (1,), (0.0,), ended=False), others, 1)
    assert stopped is not None
    assert stopped.threshold == most
    assert MedianRule(after_trials=4).should_stop(Curve(9, (1,), (most,), ended=False), others, 1) is None
