"""Mistakes in the constraints between parameters are named with their place in the list."""

import pytest
from pydantic import ValidationError

from overnight.campaign import Campaign

FLOAT = {"kind": "float", "low": 0.0, "high": 1.0}


def refused(constraints: list[str]) -> str:
    """Return the text with which a campaign with two parameters refuses the constraints."""
    definition = {"name": "c", "parameters": dict.fromkeys("xy", FLOAT), "budget": {"trials": 5}, "minimize": "loss"}
    with pytest.raises(ValidationError) as found:
        Campaign.model_validate({**definition, "parameter_constraints": constraints})
    return str(found.value)


@pytest.mark.parametrize("constraints", [["x + y == 1", "x - y == 0"], ["x <= 0.7", "y == 0.5", "x == 0.5"]])
def test_equalities_that_leave_a_single_point_are_refused(constraints):
    text = refused(constraints)
    assert f"parameter_constraints.{len(constraints) - 1}: expected equalities that leave something to tune" in text


def test_equalities_that_repeat_or_contradict_others_are_refused():
    assert "which repeats the ones before it" in refused(["x + y == 1", "2 * x + 2 * y == 2"])
    assert "which contradicts the ones before it" in refused(["x + y == 1", "x + y == 2"])


def test_an_equality_of_parameters_that_all_have_steps_is_refused_with_advice():
    stepped = {**FLOAT, "step": 0.05}
    definition = {"name": "c", "parameters": dict.fromkeys("xyz", stepped), "budget": {"trials": 5}, "minimize": "loss"}
    with pytest.raises(ValidationError, match=r"a `float` that has no `step`.* write one of its parameters as one of"):
        Campaign.model_validate({**definition, "parameter_constraints": ["x + y + z == 1"]})


@pytest.mark.parametrize(
    "constraint", ["x * 1e300 * 1e300 + y == 1", "x + y / 1e300 / 1e300 == 1", "x - x == 1e200 * (x - x + 1e200)"]
)
def test_an_equality_whose_factors_are_too_large_for_floats_is_refused_with_its_text(constraint):
    text = refused([constraint])
    assert "parameter_constraints.0: expected factors and sums that floats can hold, got larger ones from" in text
    assert constraint in text


@pytest.mark.parametrize("constraint", ["x + 1 / 0 == 1", "x <= 1 / 0", "1e300 * 1e300 * x + y == 1"])
def test_a_constraint_with_a_part_that_has_no_value_is_refused_and_never_another_error(constraint):
    assert "expected a finite value of each part without names" in refused([constraint])


@pytest.mark.parametrize("on", [False, True])
def test_a_switch_in_an_equality_may_be_fixed(on):
    parameters = {"on": {"kind": "bool"}, "x": FLOAT, "heat": FLOAT}
    definition = {"name": "c", "parameters": parameters, "budget": {"trials": 5}, "minimize": "loss"}
    campaign = Campaign.model_validate({**definition, "parameter_constraints": ["on + x == 1"], "fix": {"on": on}})
    assert campaign.space.completed({"heat": 0.5}) == {"on": on, "x": 1.0 - on, "heat": 0.5}


SHARES = {
    "milk": {"kind": "float", "low": 0.2, "high": 1},
    "egg": {"kind": "float", "low": 0, "high": 1},
    "flour": {"kind": "float", "low": 0.1, "high": 1},
}


def blend(constraints: list[str], **fix: float) -> Campaign:
    definition = {"name": "c", "parameters": {**SHARES, "heat": FLOAT}, "budget": {"trials": 5}, "minimize": "loss"}
    return Campaign.model_validate({**definition, "parameter_constraints": constraints, "fix": fix})


@pytest.mark.parametrize(
    ("constraint", "fix", "text"),
    [
        ("milk + egg + flour == 1", {"egg": 0.9}, "fix.egg: expected a number between 0 and 0.7, because"),
        ("milk + egg + flour == 1", {"egg": 0.3, "milk": 0.65}, "expected a number between 0.2 and 0.6, because"),
        ("2 * egg == milk", {"egg": 0.05}, "fix.egg: expected a number between 0.1 and 0.5, because `2 * egg == milk`"),
        ("milk + egg + flour == 0.1", {"egg": 0}, "fix.egg: expected no fixed value, since none is possible"),
    ],
)
def test_a_fixed_value_that_an_equality_does_not_allow_is_named_with_the_equality_and_the_possible_values(
    constraint, fix, text
):
    with pytest.raises(ValidationError) as found:
        blend([constraint], **fix)
    assert text in str(found.value)
    assert constraint in str(found.value)


@pytest.mark.parametrize("egg", [0, 0.1, 0.3, 0.7])
def test_a_fixed_value_at_the_edge_of_what_an_equality_allows_is_accepted(egg):
    assert blend(["milk + egg + flour == 1"], egg=egg).fix == {"egg": egg}
