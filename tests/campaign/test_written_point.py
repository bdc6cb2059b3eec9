"""In the points of a campaign file, `null` stands for an inactive parameter."""

import pytest
from pydantic import ValidationError

from overnight.campaign import Campaign

FLOAT = {"kind": "float", "low": 0.0, "high": 1.0}
ASKED = {
    "name": "c",
    "parameters": {"on": {"kind": "bool"}, "x": {**FLOAT, "when": {"on": True}}},
    "budget": {"trials": 5},
    "minimize": "loss",
}


def test_an_inactive_parameter_may_be_null_in_the_baseline_and_in_start_with():
    off = {"on": False, "x": None}
    campaign = Campaign.model_validate({**ASKED, "baseline": off, "start_with": [{"on": True, "x": 0.5}, off]})
    assert campaign.baseline == {"on": False}
    assert campaign.start_with == ({"on": True, "x": 0.5}, {"on": False})
    assert Campaign.model_validate_json(campaign.model_dump_json()) == campaign


def test_an_active_parameter_may_not_be_null():
    with pytest.raises(ValidationError, match=r"baseline\.x: expected a value, got nothing"):
        Campaign.model_validate({**ASKED, "baseline": {"on": True, "x": None}})
