"""A metric that should be as close to a value as possible."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from overnight.campaign import Campaign, Measurement
from overnight.campaign.goal import Objective
from overnight.campaign.goal.target import Target

BASE = {
    "name": "amplifier",
    "parameters": {"r": {"kind": "float", "low": 0, "high": 1}},
    "budget": {"trials": 5},
}


def aiming(**goal: Any) -> Campaign:
    return Campaign.model_validate({**BASE, **goal})


def test_a_target_is_short_for_minimizing_the_distance_from_it():
    campaign = aiming(target={"metric": "gain_db", "value": 60})
    assert campaign.objective == Objective(metric="abs(gain_db - 60)", direction="minimize")
    assert campaign.expected_metrics == ("gain_db",)
    assert campaign.key_of("gain_db") == "target"


@given(
    value=st.floats(allow_nan=False, allow_infinity=False, width=32).map(float),
    measured=st.floats(min_value=-1e9, max_value=1e9),
)
def test_the_distance_is_that_from_the_value_to_the_last_bit(value: float, measured: float):
    objective = aiming(target={"metric": "gain-db", "value": value}).objective
    found = objective.found_in({"gain-db": Measurement(mean=measured, sem=0.5)})
    assert found is not None
    assert found.mean == abs(measured - value)


def test_a_metric_of_a_target_may_be_calculated():
    assert aiming(target={"metric": "max(a, 2.0)", "value": 3}).objective.metric == "abs(max(a, 2.0) - 3)"
    found = aiming(target={"metric": "output - input", "value": -2.5}).objective
    assert found.metric == "abs(output - input + 2.5)"
    measured = {"output": Measurement(mean=1.0), "input": Measurement(mean=4.0)}
    assert found.found_in(measured) == Measurement(mean=0.5)


def test_the_metric_of_a_target_is_found_in_results_as_measured_or_as_calculated():
    measured = {"output": Measurement(mean=1.0, sem=0.3), "input": Measurement(mean=4.0, sem=0.4)}
    assert Target(metric="input", value=2).found_in(measured) == measured["input"]
    assert Target(metric="output - input", value=2).found_in(measured) == Measurement(mean=-3.0, sem=0.5)
    assert Target(metric="gain", value=2).found_in(measured) is None
    assert Target(metric="gain - input", value=2).found_in(measured) is None


def test_a_number_without_a_name_is_the_metric_of_the_target_unless_that_is_calculated():
    assert aiming(target={"metric": "gain_db", "value": 60}).metric_of_number == "gain_db"
    assert aiming(target={"metric": "output - input", "value": 6}).metric_of_number == "abs(output - input - 6)"
    assert aiming(minimize="loss").metric_of_number == "loss"


def test_one_of_several_objectives_may_be_a_target():
    target = {"target": {"metric": "gain_db", "value": 60}, "worst": 5}
    campaign = aiming(objectives=[target, {"minimize": "power"}])
    assert campaign.objective == Objective(metric="abs(gain_db - 60)", direction="minimize", worst=5)
    assert Campaign.model_validate_json(campaign.model_dump_json()).goal == campaign.goal


def test_a_definition_with_a_target_is_read_again_from_its_record():
    campaign = aiming(target={"metric": "gain_db", "value": 60.5}, constraints=["abs(gain_db - 60.5) <= 3"])
    assert Campaign.model_validate_json(campaign.model_dump_json()) == campaign


def test_the_record_of_a_definition_without_a_target_does_not_mention_one():
    assert "target" not in aiming(minimize="loss").model_dump()


@pytest.mark.parametrize(
    ("goal", "found"),
    [
        ({"target": {"metric": "gain", "value": 1}, "minimize": "loss"}, "got `minimize` and `target`"),
        ({"target": {"metric": "gain dB", "value": 1}}, "expected an operator between two values, got 'dB'"),
        ({"target": {"metric": "gain", "value": float("inf")}}, "finite number"),
        ({"objectives": [{"target": {"metric": "gain"}}, {"minimize": "p"}]}, "its wanted `value`, such as"),
        ({"objectives": [{"target": {"metric": "g", "value": 1}, "minimize": "g"}]}, "got `minimize` and `target`"),
        ({"objectives": [{"target": {"metric": "g", "value": 1}}, {"minimize": "abs(g - 1)"}]}, "each metric once"),
    ],
)
def test_a_target_that_cannot_be_meant_is_refused(goal: dict[str, Any], found: str):
    with pytest.raises(ValidationError) as problem:
        aiming(**goal)
    assert found in str(problem.value)


@pytest.mark.parametrize(("metric", "value"), [("-gain", -3.0), ("(gain)", 3.0), ("gain - loss", 1.0)])
def test_a_metric_is_a_calculation_wherever_the_distance_reads_it_as_one(metric: str, value: float):
    campaign = aiming(target={"metric": metric, "value": 60})
    assert campaign.target is not None
    assert campaign.target.found_in({"gain": Measurement(mean=3.0), "loss": Measurement(mean=2.0)}) == Measurement(
        mean=value
    )
    assert campaign.metric_of_number == campaign.objective.metric


@pytest.mark.parametrize("metric", ["gain", "p99-ms", "a/b", "+gain"])
def test_a_name_may_contain_signs(metric: str):
    campaign = aiming(target={"metric": metric, "value": 60})
    assert campaign.metric_of_number == metric
    assert campaign.expected_metrics == (metric,)


def test_a_distance_below_0_that_was_measured_itself_does_not_count():
    campaign = aiming(target={"metric": "gain", "value": 60})
    assert campaign.objective.found_in({"abs(gain - 60)": Measurement(mean=-0.5)}) is None
    assert campaign.objective.found_in({"abs(gain - 60)": Measurement(mean=0.5)}) == Measurement(mean=0.5)
    calculated = {"gain": Measurement(mean=59.0), "abs(gain - 60)": Measurement(mean=-0.5)}
    assert campaign.objective.found_in(calculated) == Measurement(mean=1.0)
