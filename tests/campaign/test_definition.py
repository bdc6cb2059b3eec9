"""The definition of a campaign: contradictions are refused with their path."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from overnight.campaign import Campaign, Objective

ASKED = {
    "name": "bread",
    "parameters": {
        "heat": {"kind": "float", "low": 0, "high": 1},
        "oven": {"kind": "fixed", "value": "stone"},
    },
    "minimize": "burnt",
    "budget": {"trials": 10},
}


def test_a_campaign_improves_one_metric_in_one_direction():
    assert Campaign.model_validate(ASKED).objective == Objective(metric="burnt", direction="minimize")
    turned = Campaign.model_validate({**ASKED, "minimize": None, "maximize": "taste"})
    assert turned.objective == Objective(metric="taste", direction="maximize")
    assert turned.objective.sign == 1.0
    assert Campaign.model_validate(ASKED).objective.sign == -1.0


@pytest.mark.parametrize(
    ("change", "found"),
    [({"maximize": "taste"}, "got `minimize` and `maximize`"), ({"minimize": None}, "got none of them")],
)
def test_two_directions_or_none_are_refused(change, found):
    with pytest.raises(ValidationError, match=f"expected either `minimize` or `maximize`.*{found}"):
        Campaign.model_validate({**ASKED, **change})


def test_an_evaluation_must_report_the_objective_first_and_each_metric_once():
    campaign = Campaign.model_validate({**ASKED, "metrics": ["minutes", "burnt", "grams"]})
    assert campaign.expected_metrics == ("burnt", "minutes", "grams")


def test_a_result_may_lack_only_the_metrics_that_constraints_alone_ask_for():
    constraints = ["burnt <= 3", "p99 (ms) <= 15", "grams >= 2", "1 <= größe.µ", "p99 (ms) >= 1"]
    campaign = Campaign.model_validate({**ASKED, "metrics": ["minutes", "grams"], "constraints": constraints})
    assert campaign.expected_metrics == ("burnt", "p99 (ms)", "grams", "größe.µ", "minutes")
    assert campaign.optional_metrics == ("p99 (ms)", "größe.µ")
    assert Campaign.model_validate(ASKED).optional_metrics == ()


def test_points_that_no_space_of_these_parameters_holds_are_all_named_by_their_paths():
    change = {"baseline": {"heat": "hot"}, "start_with": [{"heat": 0.5}, {"oven": "gas", "oil": 1}]}
    with pytest.raises(ValidationError) as caught:
        Campaign.model_validate({**ASKED, **change})
    said = str(caught.value)
    assert "baseline.heat: expected a number, got 'hot'" in said
    assert "start_with.1.heat: expected a value, got nothing" in said
    assert "start_with.1.oil: expected one of heat, oven, got the unknown key `oil`" in said
    assert "start_with.0" not in said


@pytest.mark.parametrize("name", ["", "-bread", "../bread", "a/b", ".bread", "b" * 101, "brot und salz"])
def test_a_name_that_could_not_name_a_directory_is_refused(name):
    with pytest.raises(ValidationError, match="name"):
        Campaign.model_validate({**ASKED, "name": name})


def test_a_definition_written_as_json_is_read_back_equal():
    asked = {**ASKED, "budget": {"trials": 3, "wall_clock": "1h30m"}, "baseline": {"heat": 0.1}}
    campaign = Campaign.model_validate(asked)
    assert campaign.budget.wall_clock == timedelta(hours=1, minutes=30)
    assert Campaign.model_validate_json(campaign.model_dump_json()) == campaign
