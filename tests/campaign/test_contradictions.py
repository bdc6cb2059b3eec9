"""Contradictions within a definition: each rule is written once, and is reported alike for a file and by the model."""

import pytest
from pydantic import ValidationError

from overnight.campaign import Campaign
from overnight.campaign.contradictions import contradictions

ASKED = {
    "name": "bread",
    "parameters": {
        "heat": {"kind": "float", "low": 0, "high": 1},
        "oven": {"kind": "categorical", "choices": ["gas", "wood"]},
        "rack": {"kind": "fixed", "value": 2},
    },
    "minimize": "burnt",
    "budget": {"trials": 10},
}
CONTRADICTIONS = [
    ({"maximize": "taste"}, ["maximize: expected either `minimize` or `maximize` with the name of a metric"]),
    ({"minimize": None}, ["minimize: expected either `minimize` or `maximize` with the name of a metric"]),
    ({"metrics": ["grams", "minutes", "grams"]}, ["metrics.2: expected each metric once, got 'grams' again"]),
    (
        {"baseline": {"heat": 2, "oven": "gas"}, "start_with": [{"heat": 0.5, "oven": "gas"}, {"haet": 0.5}]},
        [
            "baseline.heat: expected a number between 0 and 1, got 2",
            "start_with.1.haet: expected one of heat, oven, rack, got the unknown key `haet`; did you mean `heat`?",
            "start_with.1.heat: expected a value, got nothing",
            "start_with.1.oven: expected a value, got nothing",
        ],
    ),
    (
        {"constraints": ["grams <= 1.1 * baseline", "minutes <= 9"]},
        ["constraints.0: expected a `baseline`, to which `grams <= 1.1 * baseline` is relative, found none"],
    ),
    (
        {"constraints": ["grams <= 5", "minutes >= 6", "5 >= grams"]},
        ["constraints.2: expected each constraint once, got `grams <= 5` again"],
    ),
    (
        {"constraints": ["1 <= grams <= 5", "grams >= 5", "grams >= 6", "7 <= minutes <= 6"]},
        [
            "constraints.1: expected a lower bound of `grams` below its upper bound, got 5 and 5",
            "constraints.3: expected a lower bound of `minutes` below its upper bound, got 7 and 6",
        ],
    ),
    (
        {"constraints": ["grams >= 1", "heat <= 0.5", "rack <= 2"], "metrics": ["rack"]},
        ["constraints.1: expected a metric, got the parameter `heat`, whose values are limited under `parameters`."],
    ),
    ({"approve": {"when": {"change": 0.1}}}, ["approve.when.change: expected a `baseline`"]),
    (
        {"approve": {"when": {"change": {"oven": 0.1, "rack": 0.1}}}, "baseline": {"heat": 0.5, "oven": "gas"}},
        [
            "approve.when.change.oven: expected `any` or a list of its choices, which have no distance, got 0.1",
            "approve.when.change.rack: expected one of heat, oven, found a fixed parameter, which never changes",
        ],
    ),
]


@pytest.mark.parametrize(("change", "expected"), CONTRADICTIONS)
def test_a_contradiction_is_reported_with_its_path_as_it_is_written_and_by_the_model(change, expected):
    found = [str(problem) for problem in contradictions({**ASKED, **change})]
    assert [line[: len(start)] for line, start in zip(found, expected, strict=True)] == expected
    found = [str(problem) for problem in contradictions({**ASKED, **change}, anywhere=True)]
    with pytest.raises(ValidationError) as caught:
        Campaign.model_validate({**ASKED, **change})
    [error] = caught.value.errors()
    assert error["msg"] == f"Value error, {'; '.join(found)}"


def test_only_the_file_and_not_the_model_refuses_a_baseline_outside_of_the_space():
    asked = {**ASKED, "baseline": {"heat": 2, "oven": "gas"}}
    assert [*map(str, contradictions(asked))] == ["baseline.heat: expected a number between 0 and 1, got 2"]
    campaign = Campaign.model_validate(asked)
    assert campaign.status_quo == {"heat": 2.0, "oven": "gas", "rack": 2} | campaign.status_quo
    with pytest.raises(ValidationError, match=r"baseline\.heat: expected a number, got 'hot'"):
        Campaign.model_validate({**ASKED, "baseline": {"heat": "hot", "oven": "gas"}})


def test_a_valid_definition_contradicts_itself_nowhere():
    asked = {**ASKED, "baseline": {"heat": 0.5, "oven": "gas"}, "approve": {"when": {"change": {"oven": "any"}}}}
    assert [*contradictions(asked)] == []
    assert [*contradictions(dict(Campaign.model_validate(asked)))] == []


@pytest.mark.parametrize(
    "invalid",
    [
        {"parameters": {"heat": {"kind": "float", "low": 2, "high": 1}}, "baseline": {"heat": 9}},
        {"metrics": "grams", "start_with": {"heat": 9}},
        {"start_with": [7, None], "baseline": [1]},
        {"baseline": {"heat": [1], "oven": {}, 3: 4}},
        {"approve": {"when": {"change": "much"}}},
        {"parameters": None},
    ],
)
def test_a_part_that_is_invalid_by_itself_contradicts_nothing(invalid):
    assert [*contradictions({**ASKED, **invalid})] == []
