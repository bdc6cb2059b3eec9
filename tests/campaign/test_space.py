"""Spaces: valid points, and the errors for invalid ones."""

import pytest
from pydantic import ValidationError

from overnight.campaign import Space
from overnight.campaign.errors import InvalidPoint
from overnight.campaign.parameters import FixedParameter
from overnight.campaign.problems import shown

SPACE = Space.of(
    {
        "rate": {"kind": "float", "low": 0.001, "high": 1, "scale": "log"},
        "layers": {"kind": "int", "low": 1, "high": 8},
        "mode": {"kind": "categorical", "choices": ["fast", 1, False, 2.5]},
        "size": {"kind": "ordinal", "choices": ["S", "M", "L"]},
        "host": {"kind": "fixed", "value": "local"},
    }
)
POINT = {"rate": 0.5, "layers": 3, "mode": "fast", "size": "M", "host": "local"}


def test_a_point_gets_its_canonical_types_and_the_fixed_values():
    point = SPACE.point({"size": "L", "mode": 1.0, "layers": 3.0, "rate": 1})
    assert list(point.items()) == [("rate", 1.0), ("layers", 3), ("mode", 1), ("size", "L"), ("host", "local")]
    assert [type(value) for value in point.values()] == [float, int, int, str, str]


def test_a_canonical_point_stays_as_it_is():
    assert SPACE.point(SPACE.point(POINT)) == POINT


def test_both_bounds_belong_to_the_space():
    for rate, layers in ((0.001, 1), (1.0, 8)):
        assert SPACE.point({**POINT, "rate": rate, "layers": layers})["rate"] == rate


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("rate", 1.0000001, "a number between 0.001 and 1"),
        ("rate", float("nan"), "a number between"),
        ("rate", "0.5", "a number between"),
        ("rate", True, "a number between"),
        ("layers", 9, "a whole number between 1 and 8"),
        ("layers", 2.5, "a whole number"),
        ("layers", True, "a whole number"),
        ("layers", float("inf"), "a whole number"),
        ("mode", True, "one of 'fast', 1, False, 2.5"),
        ("mode", 0, "one of"),
        ("mode", "slow", "one of"),
        ("size", "XL", "one of 'S', 'M', 'L'"),
        ("host", "remote", "the fixed value 'local'"),
        ("rate", None, "a number between"),
    ],
)
def test_a_value_outside_is_named_with_what_was_expected(name, value, expected):
    with pytest.raises(InvalidPoint) as caught:
        SPACE.point({**POINT, name: value})
    assert f"`{name}`: expected {expected}" in str(caught.value)
    assert f"got {shown(value)}" in str(caught.value)


def test_every_problem_of_a_point_is_said_at_once():
    with pytest.raises(InvalidPoint) as caught:
        SPACE.point({"layers": 99, "mode": "fast", "size": "M", "speed": 1})
    assert str(caught.value) == (
        "`speed`: expected one of rate, layers, mode, size, host, got the unknown key `speed`; "
        "`rate`: expected a value, got nothing; "
        "`layers`: expected a whole number between 1 and 8, got 99"
    )


def test_only_parameters_that_vary_are_tuned():
    assert list(SPACE.tuned()) == ["rate", "layers", "mode", "size"]


@pytest.mark.parametrize(
    ("parameter", "says"),
    [
        ({"kind": "float", "low": 1, "high": 1}, "expected low < high, got 1 and 1"),
        ({"kind": "float", "low": 2, "high": 1}, "expected low < high"),
        ({"kind": "float", "low": 0, "high": 1, "scale": "log"}, "expected low > 0 on a log scale, got 0"),
        ({"kind": "int", "low": -1, "high": 1, "scale": "log"}, "expected low > 0 on a log scale, got -1"),
        ({"kind": "float", "low": float("-inf"), "high": 1}, "finite"),
        ({"kind": "int", "low": 0, "high": 2**53 + 1}, "less than or equal"),
        ({"kind": "categorical", "choices": ["a"]}, "at least 2"),
        ({"kind": "categorical", "choices": ["a", "b", "a"]}, "expected distinct choices, got 'a' twice"),
        ({"kind": "ordinal", "choices": [1, True]}, "expected distinct choices, got 1 and True, which are equal"),
        ({"kind": "ordinal", "choices": [1.0, float("nan")]}, "expected finite choices, got nan"),
        ({"kind": "flaot", "low": 0, "high": 1}, "'float', 'int', 'bool', 'categorical', 'ordinal', 'fixed'"),
        ({"kind": "float", "low": 0, "high": 1, "hihg": 2}, "not permitted"),
        ({"kind": "fixed", "value": 1}, "expected at least one parameter that is not fixed"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(parameter, says):
    with pytest.raises(ValidationError, match=says):
        Space.of({"x": parameter})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_fixed_value_is_finite(value: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        FixedParameter(kind="fixed", value=value)
