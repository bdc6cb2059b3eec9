"""Fidelities that no campaign could run with are refused by the definition, with their path and a hint."""

from typing import Any

import pytest
from pydantic import ValidationError

from overnight.campaign import Campaign


def campaign(fidelity: dict[str, Any], **more: Any) -> Campaign:
    written = {"name": "told", "parameters": {"x": {"kind": "float", "low": 0, "high": 1}}, "minimize": "loss"}
    return Campaign.model_validate(
        {**written, "budget": {"trials": 20, "cost": 5}, "fidelity": {"epochs": fidelity}, **more}
    )


@pytest.mark.parametrize(
    ("fidelity", "expected"),
    [
        ({"low": 1, "high": 9, "values": [1.5, 9]}, "expected whole values, because low and high are whole"),
        ({"low": 0, "high": 1}, "expected a lower fidelity than high, found none from 0 to 1; write 1.0 for fractions"),
        ({"low": 0.5, "high": 1.0, "values": [1.0]}, "expected a lower fidelity than high, found none from 0.5 to 1"),
        ({"low": 1, "high": 10**400}, "less than or equal to 9007199254740992"),
    ],
)
def test_a_fidelity_without_usable_levels_is_refused(fidelity: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        campaign(fidelity)


def test_the_levels_of_a_fidelity_are_fidelities() -> None:
    for fidelity in (
        {"low": 0.0, "high": 1.0},
        {"low": 1, "high": 2},
        {"low": 1, "high": 9.0, "values": [1.5, 9]},
        {"low": 0, "high": 9, "values": [0, 3.0, 9], "overhead": 0.1},
        {"low": 1e-300, "high": 1e300, "scale": "log"},
    ):
        found = campaign(fidelity).fidelity
        assert found is not None
        levels = found.parameter.levels
        assert [found.parameter.canonical(level) for level in levels] == [*levels] == sorted(set(levels))
        assert levels[-1] == found.parameter.high
        assert len(levels) > 1


def test_a_baseline_is_at_full_fidelity() -> None:
    fidelity = {"low": 1, "high": 9}
    with pytest.raises(ValidationError, match=r"baseline\.epochs: expected a baseline at full fidelity.*write 9"):
        campaign(fidelity, baseline={"x": 0.5, "epochs": 3})
    for baseline in ({"x": 0.5}, {"x": 0.5, "epochs": 9}):
        found = campaign(fidelity, baseline=baseline)
        assert found.space.point(baseline)["epochs"] == 9


@pytest.mark.parametrize("metrics", [{"minimize": "epochs"}, {"metrics": ["epochs"]}])
def test_a_fidelity_has_no_name_of_a_metric(metrics: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"fidelity\.epochs: expected a name that no metric has"):
        campaign({"low": 1, "high": 9}, **metrics)
