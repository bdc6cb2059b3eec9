"""Results are doubted by default, except in campaigns in which nothing is."""

from typing import Any

import pytest
from told_experiments import experiment

from overnight.campaign.errors import InvalidDefinition
from overnight.flows.definition.campaign_file import CampaignFile, read_campaign

PLAIN: dict[str, Any] = {
    "name": "night",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "budget": {"trials": 10},
    "evaluator": {"kind": "simulated", "function": "branin"},
}
ONE = PLAIN | {"minimize": "loss"}
SEVERAL = PLAIN | {"objectives": [{"minimize": "loss"}, {"minimize": "size"}]}
OWN_MODEL = {"kind": "bayesian", "surrogate": {"kind": "gpytorch", "model": "mine:model"}}
AB_TEST = experiment().model_dump(mode="json") | {"evaluator": PLAIN["evaluator"]}
BELIEVING = [SEVERAL, SEVERAL | {"proposer": {"initial": 3}}, AB_TEST, ONE | {"proposer": OWN_MODEL}]


def outliers(file: CampaignFile) -> str:
    """Return the setting as it is recorded in the ledger."""
    return file.settings()["proposer"]["outliers"]


@pytest.mark.parametrize("proposer", [{}, {"proposer": {"initial": 3}}])
def test_results_of_one_objective_are_doubted_unless_the_file_believes_them(proposer) -> None:
    assert outliers(read_campaign(ONE | proposer)) == "doubt"
    believing = proposer.get("proposer", {}) | {"outliers": "believe"}
    assert outliers(read_campaign(ONE | {"proposer": believing})) == "believe"


@pytest.mark.parametrize("definition", BELIEVING)
def test_where_nothing_is_doubted_the_settings_say_so_and_their_dump_is_accepted(definition) -> None:
    file = read_campaign(definition)
    assert outliers(file) == "believe"
    assert CampaignFile.model_validate(file.model_dump(mode="json")) == file


@pytest.mark.parametrize("definition", [SEVERAL, AB_TEST])
def test_doubts_that_a_file_demands_are_refused_there(definition) -> None:
    with pytest.raises(InvalidDefinition, match=r"proposer\.outliers: expected believe .*, got doubt"):
        read_campaign(definition | {"proposer": {"outliers": "doubt"}})
