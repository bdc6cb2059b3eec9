"""Constraints as people write them: each text is read as what it says, written back, and refused with its fault."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.campaign.goal.constraint import Bound, Constraint, read_constraint

READ = {
    "p99_ms <= 15": Constraint("p99_ms", at_most=Bound(15)),
    "15 >= p99_ms": Constraint("p99_ms", at_most=Bound(15)),
    "gain >= -3.5": Constraint("gain", at_least=Bound(-3.5)),
    "  0.2<=memory_gb<=4": Constraint("memory_gb", Bound(0.2), Bound(4)),
    "4 >= memory_gb >= .2": Constraint("memory_gb", Bound(0.2), Bound(4)),
    "hide rate <= 1.01 * baseline": Constraint("hide rate", at_most=Bound(0, 1.01)),
    "x >= baseline - 0.5": Constraint("x", at_least=Bound(-0.5, 1)),
    "x <= 1e-3 + baseline*2": Constraint("x", at_most=Bound(0.001, 2)),
    "0.9 * baseline <= x <= 1.1 * baseline": Constraint("x", Bound(0, 0.9), Bound(0, 1.1)),
    "−3 ≤ größe ≤ −2": Constraint("größe", Bound(-3), Bound(-2)),
    "größe <= 2": Constraint("größe", at_most=Bound(2)),
    "net/val-loss.p99 <= 2": Constraint("net/val-loss.p99", at_most=Bound(2)),
    "p99 / p50 <= 1.1 * baseline": Constraint("p99 / p50", at_most=Bound(0, 1.1)),
    "2 >= max(p99, 2*p50) >= -1": Constraint("max(p99, 2*p50)", Bound(-1), Bound(2)),
}
REFUSED = {
    "p99_ms": "expected a metric with a bound",
    "": "expected a metric with a bound",
    "p99_ms < 15": "expected `<=` or `>=`, got `<` in 'p99_ms < 15'; write `<=`",
    "p99_ms = 15": "expected `<=` or `>=`, got `=` in 'p99_ms = 15'; a noisy result never equals a number exactly",
    "p99_ms != 15": "expected `<=` or `>=`, got `!=` in",
    "3 <= 4": "expected the name of a metric and its bound",
    "<= 4": "expected the name of a metric and its bound",
    "baseline <= 4": "expected the name of a metric and its bound",
    "2 <= 3 <= 4": "expected the name of a metric and its bound",
    "p99_ms <= limit": "expected a number or a multiple of the baseline, such as 15 or 1.01 * baseline, on one side, "
    "got 'p99_ms' and 'limit' in 'p99_ms <= limit'; to compare two metrics, write `p99_ms - limit <= 0`",
    "limit >= p99_ms": "expected a number or a multiple of the baseline, such as 15 or 1.01 * baseline, on one side, "
    "got 'p99_ms' and 'limit' in 'limit >= p99_ms'; to compare two metrics, write `p99_ms - limit <= 0`",
    "p99 / / p50 <= 3": "expected a metric or a calculation of metrics on one side, got 'p99 / / p50' in "
    "'p99 / / p50 <= 3'; expected a number or the name of a metric, got '/'",
    "1 <= p99_ms <= limit": "expected a number or a multiple of the baseline, such as 15 or 1.01 * baseline, as the "
    "bound, got 'limit' in '1 <= p99_ms <= limit'",
    "m / baseline <= 1.01": "expected a metric or a calculation of metrics on one side, got 'm / baseline'",
    "loss * baseline <= 5": "expected a metric or a calculation of metrics on one side",
    "baseline - m >= 5": "expected a metric or a calculation of metrics on one side",
    "-loss <= 3": "expected a metric or a calculation of metrics on one side, got '-loss'",
    "2 m <= 5": "expected a metric or a calculation of metrics on one side",
    "p99_ms <= 15ms": "expected a number or a multiple of the baseline",
    "p99_ms <= 2 3": "expected a number or a multiple of the baseline",
    "p99_ms <= 2 * 3": "expected a number or a multiple of the baseline",
    "p99_ms <= baseline - baseline": "expected a number or a multiple of the baseline",
    "p99_ms <= __import__('os')": "expected a number or a multiple of the baseline",
    "p99_ms <= nan": "expected a number or a multiple of the baseline",
    "p99_ms <= 1e999": "expected a finite number as the bound, got '1e999'",
    "1 <= p99_ms >= 2": "expected `<=` twice or `>=` twice, got one of each",
    "1 <= a <= 2 <= 3": "expected a metric with a bound",
}
numbers = st.floats(allow_nan=False, allow_infinity=False)
bounds = st.builds(Bound, numbers, numbers)
metrics = st.text(st.characters(exclude_characters="<>=!≤≥−*/", exclude_categories=["C", "Z"]), min_size=1)


@pytest.mark.parametrize(("text", "constraint"), READ.items())
def test_a_text_is_read_as_what_it_says(text, constraint):
    assert read_constraint(text) == constraint


@pytest.mark.parametrize(("text", "fault"), REFUSED.items())
def test_a_text_that_is_no_constraint_is_refused_with_its_fault(text, fault):
    with pytest.raises(ValueError, match="^" + re.escape(fault)):
        read_constraint(text)


@given(
    metrics.filter(lambda name: "baseline" not in name and not name[0].isdigit() and name[0] not in ".+-"),
    bounds,
    st.none() | bounds,
)
def test_a_constraint_is_read_back_from_its_text(metric, bound, other):
    for constraint in (Constraint(metric, bound, other), Constraint(metric, other, bound)):
        assert read_constraint(str(constraint)) == constraint


@given(st.text(st.sampled_from("ab1.*/+- −≤"), min_size=1).map(str.strip).filter(bool))
def test_any_name_that_is_accepted_is_read_back(metric):
    text = f"{metric} <= 3"
    try:
        found = read_constraint(text)
    except ValueError:
        return
    assert read_constraint(str(found)) == found


@given(bounds, bounds, numbers, numbers)
def test_a_value_is_allowed_if_it_lies_between_the_bounds(low, high, value, baseline):
    def at(bound: Bound) -> float:
        return bound.offset + bound.factor * baseline

    assert Constraint("m", low, high).allows(value, baseline) == (at(low) <= value <= at(high))
    assert Constraint("m", at_least=low).allows(value, baseline) == (at(low) <= value)
    assert Constraint("m", at_most=high).allows(value, baseline) == (value <= at(high))


def test_no_value_is_allowed_beside_a_baseline_that_is_unknown():
    relative, absolute = read_constraint("m <= 1.5 * baseline"), read_constraint("m <= 1.5")
    assert [relative.allows(1, baseline) for baseline in (None, 1, 0.5)] == [False, True, False]
    assert [absolute.allows(1, baseline) for baseline in (None, math.inf)] == [True, True]
    assert [relative.relative, absolute.relative] == [True, False]
