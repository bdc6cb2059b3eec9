"""A mistake in a file is one problem, although it has consequences or two readers find it."""

from typing import Any

import pytest

from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.problems import Problem
from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.definition.each_mistake_once import each_once

RATE = {"kind": "float", "low": 0, "high": 1}
FILE: dict[str, Any] = {
    "name": "once",
    "parameters": {"rate": RATE, "size": RATE},
    "minimize": "loss",
    "budget": {"trials": 5},
    "evaluator": "objective:evaluate",
}


def problems_of(file: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidDefinition) as refused:
        read_campaign(file)
    return refused.value.problems


def without(*keys: str, **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in FILE.items() if key not in keys} | changes


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("minimise", "minimize"),
        ("maximise", "maximize"),
        ("Maximize", "maximize"),
        ("maximze", "maximize"),
        ("targt", "target"),
        ("objective", "objectives"),
    ],
)
def test_a_misspelt_goal_is_one_problem_with_a_suggestion(written: str, meant: str):
    [problem] = problems_of(without("minimize", **{written: "loss"}))
    assert problem == f"{written}: expected a known key, got the unknown key `{written}`; did you mean `{meant}`?"


@pytest.mark.parametrize(
    ("file", "path"),
    [
        (without("parameters", paramters=FILE["parameters"]), "paramters"),
        (without("budget", bugdet=FILE["budget"]), "bugdet"),
        (without("name", nmae="once"), "nmae"),
        (without(budget={"trails": 5}), "budget.trails"),
        (without(parameters={"rate": {"kind": "float", "low": 0, "hihg": 1}}), "parameters.rate.hihg"),
        (without(parameters={"rate": {"kidn": "float", "low": 0, "high": 1}}), "parameters.rate.kidn"),
        (without(window={"form": "22:00", "to": "06:00", "zone": "UTC"}), "window.form"),
    ],
)
def test_a_misspelt_key_is_not_reported_as_missing_too(file: dict[str, Any], path: str):
    [problem] = problems_of(file)
    assert problem.startswith(f"{path}: expected ")
    assert "did you mean" in problem


def test_what_is_missing_is_a_problem_beside_an_unknown_key_that_means_something_else():
    unknown, *missing = sorted(problems_of(without("minimize", "budget", colour="red")))
    assert unknown.startswith("budget: expected a value, got nothing")
    assert [problem.split(":")[0] for problem in missing] == ["colour", "minimize"]


def test_a_misspelt_key_does_not_hide_what_is_wrong_with_the_key_that_was_meant():
    found = problems_of(without(maximise="speed", minimize=7))
    assert [problem.split(":")[0] for problem in found] == ["minimize", "maximise"]


def test_one_reader_may_find_several_problems_of_one_path_and_the_other_adds_only_new_ones():
    low, high = (Problem(("baseline",), f"expected `x + load <= 4`, got x = 5 and load = {load}") for load in (2, 3))
    again = Problem(("baseline",), "expected `x + load <= 4`, got x = 5.0 and load = 2")
    other = Problem(("baseline",), "expected `x <= 4`, got x = 5.0")
    assert each_once([low, high], [again, other]) == [low, high, other]


def test_a_point_that_breaks_a_constraint_in_two_contexts_is_two_problems():
    file = without(
        context={"load": {"kind": "int", "values": [2, 3]}},
        parameter_constraints=["10 * rate + load <= 4"],
        baseline={"rate": 1, "size": 1},
        kind="ab_test",
        colour="red",
    )
    found = [problem for problem in problems_of(file) if problem.startswith("baseline")]
    assert len(found) == 2
