"""Every stand-in for an unavailable proposer is a proposer that a campaign file could name."""

from itertools import product
from typing import get_args

import pytest

from overnight.bo_core import BayesianProposer, CustomProposer, SobolProposer
from overnight.bo_core.settings.acquisitions import ACQUISITIONS, GAINS
from overnight.campaign.history.provenance import StandIn
from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.proposing.settings import standing_in

PROPOSERS = [
    SobolProposer(),
    CustomProposer(implementation="halving:Halving"),
    *(
        BayesianProposer(acquisition=acquisition, cost_aware=cost_aware, pending=pending, device=device)
        for acquisition, cost_aware, pending, device in product(
            ACQUISITIONS, (False, True), ("joint", "liar_min"), ("auto", "cuda")
        )
        if acquisition in GAINS or not cost_aware
    ),
]


@pytest.mark.parametrize("fallback", get_args(StandIn))
@pytest.mark.parametrize("proposer", PROPOSERS, ids=repr)
def test_what_stands_in_for_any_proposer_is_one_that_a_campaign_may_name(proposer, fallback):
    definition = {
        "name": "bread",
        "parameters": {"heat": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "burnt",
        "evaluator": {"command": ["bake"]},
        "budget": {"trials": 3},
        "proposer": proposer.model_dump(),
        "proposing": {"fallback": fallback},
    }
    assert read_campaign(definition).proposer == proposer
    stand_in = standing_in(proposer, fallback)
    assert read_campaign({**definition, "proposer": stand_in.model_dump()}).proposer == stand_in


def test_costs_do_not_count_where_thompson_sampling_stands_in():
    stand_in = standing_in(BayesianProposer(cost_aware=True), "thompson")
    assert isinstance(stand_in, BayesianProposer)
    assert (stand_in.acquisition, stand_in.cost_aware) == ("thompson_sampling", False)
