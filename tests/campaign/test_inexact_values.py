"""A value that a person writes inexactly is the one that is meant, in conditions, `fix` and equalities."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from overnight.bo_core.data.encoding import Encoding
from overnight.campaign import Campaign
from overnight.campaign.errors import InvalidPoint
from overnight.campaign.parameters import Value
from overnight.campaign.space import Space

FLOAT = {"kind": "float", "low": 0.0, "high": 1.0}
STEPPED = FLOAT | {"step": 0.1}
SUM = 0.1 + 0.2


def campaign(**parts: Any) -> Campaign:
    return Campaign.model_validate({"name": "c", "budget": {"trials": 5}, "minimize": "loss", **parts})


@pytest.mark.parametrize("when", [{"x": SUM}, {"x": [0.1, SUM]}, [{"x": SUM}, "y <= 1"]])
def test_a_condition_on_a_stepped_number_holds_at_the_step_that_is_meant(when: Any):
    parameters = {"x": STEPPED, "y": FLOAT, "z": FLOAT | {"when": when}}
    space = campaign(parameters=parameters).space
    assert space.point({"x": 0.3, "y": 0.5, "z": 0.5})["z"] == 0.5
    with pytest.raises(InvalidPoint, match=r"active only if x is (0\.1 or )?0\.3"):
        space.point({"x": 0.4, "y": 0.5, "z": 0.5})


def test_the_model_and_the_space_agree_where_such_a_condition_holds():
    parameters = {"x": STEPPED, "z": FLOAT | {"when": {"x": [SUM, 0.7000000000000001]}}}
    encoding = Encoding(Space.of(parameters))
    u = torch.rand(500, encoding.d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert encoding.region is not None
    active = []
    for row in encoding.region.settled(u):
        point = encoding.decode(row)
        assert point is not None
        assert ("z" in point) == (point["x"] in (0.3, 0.7))
        active.append("z" in point)
    assert 0 < sum(active) < 500


def test_other_values_of_conditions_stay_as_they_are_written():
    parameters = {
        "n": {"kind": "int", "low": 0, "high": 9},
        "m": {"kind": "int", "low": 0, "high": 8, "step": 2},
        "c": {"kind": "categorical", "choices": [0.30000000000000004, 0.3]},
        "z": FLOAT | {"when": [{"n": 3.0}, {"m": 4.0}, {"c": SUM}]},
    }
    dumped = campaign(parameters=parameters).parameters.model_dump_json()
    assert '"when":[{"n":3.0},{"m":4.0},{"c":0.30000000000000004}]' in dumped


def test_a_value_between_two_steps_is_still_refused():
    with pytest.raises(ValidationError, match=r"expected a number between 0 and 1 in steps of 0.1 .*got 0.35"):
        campaign(parameters={"x": STEPPED, "z": FLOAT | {"when": {"x": 0.35}}})


THIRDS = {"x": 0.3333333333, "y": 0.3333333333, "z": 0.3333333334}


def mixture(fix: dict[str, float]) -> Campaign:
    parameters = dict.fromkeys("xyzw", FLOAT)
    return campaign(parameters=parameters, parameter_constraints=["x + y + z == 1"], fix=fix)


def test_fixed_values_meet_an_equality_as_exactly_as_points_do():
    for last in (0.3333333334, 0.3333333339, 0.3333333342):
        space = mixture(THIRDS | {"z": last}).space
        assert space.completed({"w": 0.5}) == {**THIRDS, "z": last, "w": 0.5}
    with pytest.raises(ValidationError, match="which contradicts the ones before it and the values under `fix`"):
        mixture(THIRDS | {"z": 0.333334})


def constant(value: Value) -> dict[str, Any]:
    return {"kind": "fixed", "value": value}


@pytest.mark.parametrize("value", [0.25, 0, 1, True])
def test_an_equality_may_have_a_constant(value: Value):
    parameters = {"x": FLOAT, "y": FLOAT | {"high": 2.0}, "total": constant(value)}
    space = campaign(parameters=parameters, parameter_constraints=["x + y == 1 + total"]).space
    for x in (0.25, 0.5, 1.0):
        point = space.completed({"x": x})
        assert point == {"x": x, "y": 1 + float(value) - x, "total": value}
    encoding = Encoding(space)
    assert encoding.region is not None
    u = torch.rand(100, encoding.d, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = [encoding.decode(row) for row in encoding.allowed(encoding.region.settled(u))]
    assert len(found) > 10
    for point in found:
        assert point is not None
        assert float(point["x"]) + float(point["y"]) == pytest.approx(1 + float(value), abs=1e-9)


def test_a_constant_counts_in_whole_numbers_too():
    parameters = {name: {"kind": "int", "low": 0, "high": 9} for name in "ab"} | {"total": constant(7)}
    space = campaign(parameters=parameters, parameter_constraints=["a + b == total"]).space
    assert space.completed({"a": 3}) == {"a": 3, "b": 4, "total": 7}
    with pytest.raises(ValidationError, match="of whole numbers with whole factors"):
        campaign(parameters=parameters | {"total": constant(7.5)}, parameter_constraints=["a + b == total"])


def test_a_constant_of_text_or_alone_is_refused():
    with pytest.raises(ValidationError, match="whose values are numbers, got `c`"):
        campaign(parameters={"x": FLOAT, "c": constant("a")}, parameter_constraints=["x == c"])
    with pytest.raises(ValidationError, match="expected a constraint on a parameter that is tuned, got `c == 1`"):
        campaign(parameters={"x": FLOAT, "c": constant(1)}, parameter_constraints=["c == 1"])


@pytest.mark.parametrize(
    ("parameter", "levels"),
    [
        ({"kind": "bool"}, [False, True]),
        ({"kind": "categorical", "choices": ["b", "a"]}, ["b", "a"]),
        ({"kind": "ordinal", "choices": [2, 1]}, [2, 1]),
        ({"kind": "int", "low": 2, "high": 5}, [2, 3, 4, 5]),
        ({"kind": "int", "low": 2, "high": 5, "step": 1}, [2, 3, 4, 5]),
        ({"kind": "int", "low": 2, "high": 6, "step": 2}, [2, 4, 6]),
        ({"kind": "float", "low": 0, "high": 0.5, "step": 0.25}, [0.0, 0.25, 0.5]),
        ({"kind": "fixed", "value": 3}, [3]),
        (FLOAT, None),
        ({"kind": "derived", "value": "2 * x"}, None),
    ],
)
def test_a_discrete_parameter_has_its_values_in_order(parameter: dict[str, Any], levels: list[Value] | None):
    space = Space.of({"x": FLOAT, "p": parameter})
    found = space.root["p"].levels
    assert levels == (None if found is None else [*found])
    if space.root["p"].is_tuned:
        of_column = Encoding(space).columns["p"].levels
        assert levels == (None if of_column is None else [*of_column])
