"""Several different solutions in a campaign's file, and how much two points differ."""

import itertools
from typing import Any

import pytest
from pydantic import ValidationError

from overnight.campaign import Campaign, Point, Space
from overnight.campaign.solutions import Solutions, difference

PARAMETERS: dict[str, Any] = {
    "rate": {"kind": "float", "low": 0.001, "high": 1.0, "scale": "log"},
    "depth": {"kind": "int", "low": 0, "high": 10},
    "batch": {"kind": "ordinal", "choices": [16, 32, 64]},
    "method": {"kind": "categorical", "choices": ["adam", "sgd", "lion"]},
    "epochs": {"kind": "fixed", "value": 20},
}
SPACE = Space.of(PARAMETERS)
POINT = {"rate": 0.01, "depth": 3, "batch": 16, "method": "adam", "epochs": 20}


def campaign_of(solutions: Any, parameters: dict[str, Any] = PARAMETERS, **more: Any) -> Campaign:
    goal = {} if "objectives" in more else {"minimize": "loss"}
    definition = {"name": "c", "parameters": parameters, "budget": {"trials": 40}, "solutions": solutions}
    return Campaign.model_validate(definition | goal | more)


def problem_of(solutions: Any, **more: Any) -> str:
    with pytest.raises(ValidationError) as found:
        campaign_of(solutions, **more)
    [problem] = found.value.errors()
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, 0.0),
        ({"rate": 0.1}, 1 / 3),
        ({"depth": 10}, 0.7),
        ({"batch": 32}, 0.5),
        ({"method": "lion"}, 1.0),
        ({"rate": 0.1, "depth": 5}, 1 / 3),
    ],
)
def test_two_points_differ_by_the_largest_difference_of_a_parameter(change: Point, expected: float):
    other = {**POINT, **change}
    assert difference(SPACE, POINT, other) == pytest.approx(expected)
    assert difference(SPACE, other, POINT) == pytest.approx(expected)


def test_a_parameter_that_only_one_point_holds_differs_by_its_whole_range():
    without = {name: value for name, value in POINT.items() if name != "depth"}
    assert difference(SPACE, POINT, without) == difference(SPACE, without, POINT) == 1.0
    assert difference(SPACE, without, without) == 0.0


def test_rounding_does_not_make_two_points_alike():
    space = Space.of({"x": {"kind": "float", "low": 0, "high": 1}})
    assert 0.3 - 0.1 < 0.2
    assert Solutions(count=2, apart=0.2).differ(space, {"x": 0.3}, {"x": 0.1})
    assert not Solutions(count=2, apart=0.2).differ(space, {"x": 0.2999}, {"x": 0.1})


@pytest.mark.parametrize(
    ("solutions", "where"),
    [
        ({"count": 1}, "solutions.count"),
        ({"count": 21}, "solutions.count"),
        ({"count": 2.0}, "solutions.count"),
        ({}, "solutions.count"),
        ({"count": 2, "apart": 0}, "solutions.apart"),
        ({"count": 2, "apart": 1.1}, "solutions.apart"),
        ({"count": 2, "within": 0}, "solutions.within"),
        ({"count": 2, "within": float("inf")}, "solutions.within"),
        ({"count": 2, "distance": 0.1}, "solutions.distance"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_at_its_path(solutions: Any, where: str):
    assert problem_of(solutions).startswith(where)


def test_several_objectives_have_a_front_instead():
    assert "expected no `solutions` with several `objectives`" in problem_of(
        {"count": 2}, objectives=[{"minimize": "a"}, {"maximize": "b"}]
    )


def test_an_ab_test_has_arms_instead():
    settings = {"kind": "ab_test", "arms": 3, "traffic": {"per_batch": 3000}, "baseline": POINT}
    assert "solutions: expected no `solutions`" in problem_of({"count": 2}, **settings)


LEVELS = {
    "float": {"kind": "float", "low": 0, "high": 1},
    "int": {"kind": "int", "low": 1, "high": 3},
    "ordinal": {"kind": "ordinal", "choices": ["s", "m", "l", "xl", "xxl"]},
    "categorical": {"kind": "categorical", "choices": ["a", "b", "c"]},
}


def most_different(space: Space, points: list[Point], apart: float) -> int:
    """Return how many points differ pairwise, by trying all selections."""
    asked = Solutions(count=2, apart=apart)
    largest = 1
    for count in range(2, len(points) + 1):
        selections = itertools.combinations(points, count)
        if not any(all(asked.differ(space, a, b) for a, b in itertools.combinations(each, 2)) for each in selections):
            break
        largest = count
    return largest


@pytest.mark.parametrize("kind", LEVELS)
@pytest.mark.parametrize("apart", [0.25, 0.3, 0.5, 0.6, 1.0])
def test_more_solutions_than_a_parameter_has_different_values_are_refused_and_no_fewer(kind: str, apart: float):
    parameters = {"p": LEVELS[kind]}
    values: dict[str, list[Any]] = {
        "float": [i / 20 for i in range(21)],
        "int": [1, 2, 3],
        "ordinal": LEVELS["ordinal"]["choices"],
        "categorical": ["a", "b", "c"],
    }
    most = most_different(Space.of(parameters), [{"p": value} for value in values[kind]], apart)
    assert most >= 2
    assert campaign_of({"count": most, "apart": apart}, parameters).solutions
    text = problem_of({"count": 20, "apart": apart}, parameters=parameters)
    assert "no more configurations differ pairwise by `apart" in text


def test_the_limits_of_several_parameters_are_multiplied():
    parameters = {"a": LEVELS["float"], "b": LEVELS["int"]}
    assert campaign_of({"count": 6, "apart": 0.5 + 1e-6}, parameters | {"c": LEVELS["float"]}).solutions
    assert "expected at most 4" in problem_of({"count": 5, "apart": 0.6}, parameters=parameters)


@pytest.mark.parametrize("kind", ["float", "int"])
def test_the_least_difference_that_a_file_can_hold_is_accepted(kind: str):
    assert campaign_of({"count": 2, "apart": 5e-324}, {"p": LEVELS[kind]}).solutions
