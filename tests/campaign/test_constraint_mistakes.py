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
