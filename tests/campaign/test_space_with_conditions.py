"""A space with conditions, derived parameters and constraints allows exactly the points that its rules describe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.campaign.errors import InvalidPoint
from overnight.campaign.problems import Contradictory
from overnight.campaign.space import Parameters, Space

FLOAT = {"kind": "float", "low": 0.0, "high": 1.0}
OPTIMIZER = {
    "optimizer": {"kind": "categorical", "choices": ["sgd", "adam"]},
    "momentum": {**FLOAT, "when": {"optimizer": "sgd"}},
    "nesterov": {"kind": "categorical", "choices": [True, False], "when": "momentum >= 0.5"},
    "decay": {**FLOAT, "when": [{"optimizer": ["sgd", "adam"]}, {"nesterov": True}]},
}
MIXTURE = {
    "salt": FLOAT,
    "acid": FLOAT,
    "water": FLOAT,
    "strength": {"kind": "derived", "value": "acid / (water + 0.1)"},
}


def refused(space: Space, values: dict) -> str:
    """Return the text with which the space refuses the values."""
    with pytest.raises(InvalidPoint) as found:
        space.point(values)
    return str(found.value)


def test_a_point_holds_its_active_parameters_only():
    space = Space.of(OPTIMIZER)
    assert space.point({"optimizer": "adam"}) == {"optimizer": "adam"}
    assert space.point({"optimizer": "sgd", "momentum": 0.2}) == {"optimizer": "sgd", "momentum": 0.2}
    deep = {"optimizer": "sgd", "momentum": 0.9, "nesterov": True, "decay": 0.1}
    assert space.point(deep) == deep


def test_an_inactive_parameter_may_be_null_but_has_no_value():
    space = Space.of(OPTIMIZER)
    assert space.point({"optimizer": "adam", "momentum": None}) == {"optimizer": "adam"}
    text = "`momentum`: expected no value, because it is active only if optimizer is sgd, got 0.5"
    assert refused(space, {"optimizer": "adam", "momentum": 0.5}) == text


def test_an_active_parameter_needs_a_value():
    assert refused(Space.of(OPTIMIZER), {"optimizer": "sgd"}) == "`momentum`: expected a value, got nothing"


def test_a_wrong_value_makes_no_second_problem_of_the_parameters_that_depend_on_it():
    text = refused(Space.of(OPTIMIZER), {"optimizer": "rprop", "momentum": 0.9, "nesterov": True, "decay": 2.0})
    assert text == "`optimizer`: expected one of 'sgd', 'adam', got 'rprop'"


def test_the_order_of_the_file_is_kept_whatever_depends_on_what():
    space = Space.of({"b": {**FLOAT, "when": "a > 0.5"}, "a": FLOAT})
    assert list(space.point({"a": 0.7, "b": 0.1})) == ["b", "a"]


def test_a_derived_value_is_added_and_a_given_one_must_agree():
    space = Space.of(MIXTURE)
    point = space.point({"salt": 0.1, "acid": 0.3, "water": 0.4})
    assert point["strength"] == 0.3 / (0.4 + 0.1)
    assert space.point(point) == point
    assert "expected 0.6 (`acid / (water + 0.1)`), got 0.61" in refused(space, {**point, "strength": 0.61})


def test_a_derived_value_is_inactive_with_its_parameters_and_unlimited_then():
    parameters = {**OPTIMIZER, "heavy": {"kind": "derived", "value": "2 * momentum", "high": 1.5}}
    space = Space.of(parameters)
    assert space.point({"optimizer": "adam"}) == {"optimizer": "adam"}
    text = refused(space, {"optimizer": "sgd", "momentum": 0.9, "nesterov": False})
    assert text == "`heavy`: expected `2 * momentum` to be at most 1.5, got 1.8"


def test_a_derived_value_that_does_not_exist_is_refused():
    space = Space.of({"a": FLOAT, "b": {"kind": "derived", "value": "1 / a"}})
    assert "expected a finite value of `1 / a`, got none from a = 0" in refused(space, {"a": 0})


@pytest.mark.parametrize(
    ("constraint", "values", "met"),
    [
        ("salt + acid <= 0.8", {"salt": 0.5, "acid": 0.3}, True),
        ("salt + acid < 0.8", {"salt": 0.5, "acid": 0.3}, False),
        ("salt + acid ≤ 0.8", {"salt": 0.6, "acid": 0.3}, False),
        ("0.1 <= salt * acid <= 0.2", {"salt": 0.5, "acid": 0.3}, True),
        ("0.2 > salt * acid > 0.15", {"salt": 0.5, "acid": 0.3}, False),
        ("salt**2 + 3*acid >= 0.1", {"salt": 0.1, "acid": 0.03}, True),
        ("sqrt(salt - acid) <= 1", {"salt": 0.1, "acid": 0.3}, False),
    ],
)
def test_a_constraint_is_checked_as_python_would_calculate_it(constraint, values, met):
    space = Space.of({"salt": FLOAT, "acid": FLOAT}, [constraint])
    assert (not space.problems(values)) == met


def test_an_unmet_constraint_is_named_with_the_values():
    space = Space.of({"salt": FLOAT, "acid": FLOAT}, ["salt + acid <= 0.8"])
    assert refused(space, {"salt": 0.7, "acid": 0.5}) == "expected `salt + acid <= 0.8`, got salt = 0.7 and acid = 0.5"


def test_a_constraint_counts_only_where_all_of_its_parameters_are_active():
    space = Space.of(OPTIMIZER, ["momentum + decay <= 0.9"])
    assert not space.problems({"optimizer": "sgd", "momentum": 0.95, "nesterov": False})
    assert space.problems({"optimizer": "sgd", "momentum": 0.95, "nesterov": True, "decay": 0.1})


@given(st.floats(0, 1), st.floats(0, 1))
def test_equalities_hold_to_a_billionth_at_every_completed_point(salt, acid):
    space = Space.of(MIXTURE, ["salt + acid + water == 1"])
    point = space.completed({"salt": salt, "acid": acid})
    if point is None:
        assert salt + acid > 1
    else:
        assert abs(point["salt"] + point["acid"] + point["water"] - 1) <= 1e-9
        assert not space.problems(point)


@given(st.integers(0, 9), st.integers(0, 9))
def test_whole_numbers_in_an_equality_stay_whole(a, b):
    number = {"kind": "int", "low": 0, "high": 9}
    space = Space.of({"a": number, "b": number, "c": number}, ["a + 2 * b + c == 12"])
    point = space.completed({"a": a, "b": b})
    assert (point is None) == (not 0 <= 12 - a - 2 * b <= 9)
    assert point is None or point["c"] == 12 - a - 2 * b


def test_several_equalities_are_solved_together():
    space = Space.of(dict.fromkeys("abcd", FLOAT), ["a + b + c + d == 1", "a - b == 2 * c - 0.5"])
    assert set(space.solved) == {"d", "c"}
    point = space.completed({"a": 0.1, "b": 0.4})
    assert point is not None
    assert point["c"] == pytest.approx(0.1)
    assert point["d"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("parameters", "where", "said"),
    [
        ({"b": {**FLOAT, "when": {"a": "z"}}}, "b.when.a", "expected one of 'x', 'y', got 'z'"),
        ({"b": {**FLOAT, "when": {"q": 1}}}, "b.when", "got the unknown parameter `q`"),
        ({"b": {**FLOAT, "when": "a >= 2"}}, "b.when", "expected a comparison of numbers, got `a >= 2`"),
        ({"b": {**FLOAT, "when": {"n": 5}}}, "b.when.n", "expected a whole number between 1 and 4, got 5"),
        ({"b": {**FLOAT, "when": "n > 4"}}, "b.when", "expected a condition that can be true, got `n > 4`"),
        ({"b": {**FLOAT, "when": "c > 0.5"}, "c": {**FLOAT, "when": "b > 0.5"}}, "b", "got a cycle of `b` and `c`"),
        ({"b": {"kind": "derived", "value": "b + 1"}}, "b", "got a cycle of `b`"),
        (
            {"b": {"kind": "derived", "value": "n + a"}},
            "b.value",
            "expected a parameter whose values are numbers, got `a`",
        ),
        ({"b": {"kind": "derived", "value": "n-1 + 1"}}, "b.value", "write spaces around"),
    ],
)
def test_conditions_and_calculations_that_cannot_be_are_refused_with_their_place(parameters, where, said):
    known = {"a": {"kind": "categorical", "choices": ["x", "y"]}, "n": {"kind": "int", "low": 1, "high": 4}}
    with pytest.raises(Contradictory) as refused:
        Space.of({**known, **parameters})
    [problem] = refused.value.problems
    assert ".".join(map(str, problem.where)) == where
    assert said in problem.text


@pytest.mark.parametrize(
    "when",
    [{"optimizer": "sgd"}, {"optimizer": ["sgd", "adam"]}, "n >= 2", [{"optimizer": "sgd"}, "n >= 2"]],
)
def test_a_condition_is_written_as_it_was_read(when):
    parameters = Parameters.model_validate(
        {"optimizer": OPTIMIZER["optimizer"], "n": {"kind": "int", "low": 1, "high": 4}, "x": {**FLOAT, "when": when}}
    )
    dumped = parameters.model_dump(mode="json", exclude_none=True)
    assert dumped["x"]["when"] == when
    assert Parameters.model_validate(dumped) == parameters
