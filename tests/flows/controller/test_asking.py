"""The events of proposed points: each records its proposer, or the stand-in that replaced the proposer."""

from datetime import UTC, datetime

import pytest

from overnight.bo_core import BayesianProposer
from overnight.campaign import Campaign, History, Proposal
from overnight.campaign.history.events import CampaignDefined
from overnight.campaign.history.provenance import Asked, MadeBy, Provenance, StandIn
from overnight.flows.controller.asking import Answered
from overnight.flows.proposing.request import ProposalRequest

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked_for", "said"),
    [(None, ("sobol", "its numbers failed")), ("thompson", ("thompson", "it hangs"))],
    ids=["by the proposer", "by the campaign"],
)
def test_a_stand_in_stays_recorded_whoever_chose_it(asked_for: StandIn | None, said: tuple[str, str]):
    x = {"kind": "float", "low": 0, "high": 1}
    campaign = Campaign.model_validate(
        {"name": "asked", "minimize": "loss", "parameters": {"x": x}, "budget": {"trials": 3}}
    )
    history = History.from_events([CampaignDefined(time=NOON, actor="test", uid="u", definition=campaign)])
    request = ProposalRequest(BayesianProposer(), history, 1, 1, asked_for)
    made = Provenance(made_by=MadeBy(seed=1), asked=Asked(stand_in="sobol", away="its numbers failed"))
    proposal = Proposal(point={"x": 0.5}, generator="sobol", provenance=made)
    away = None if asked_for is None else "it hangs"
    [event] = Answered(request, (proposal,), 0.1, away).events(history, NOON)
    assert event.batch == event.trial
    assert event.provenance is not None
    assert (event.provenance.asked.stand_in, event.provenance.asked.away) == said


def test_points_that_one_request_gave_are_a_batch_and_keep_their_weights():
    x = {"kind": "float", "low": 0, "high": 1}
    campaign = Campaign.model_validate(
        {"name": "asked", "minimize": "loss", "parameters": {"x": x}, "budget": {"trials": 3}}
    )
    history = History.from_events([CampaignDefined(time=NOON, actor="test", uid="u", definition=campaign)])
    proposals = (
        Proposal(point={"x": 0.1}, generator="baseline", weight=0.8),
        Proposal(point={"x": 0.5}, generator="custom", weight=0.2),
    )
    events = Answered(ProposalRequest(BayesianProposer(), history, 1, 2), proposals, 0.1, None).events(history, NOON)
    after = history.extended(events)
    assert {batch: [trial.id for trial in together] for batch, together in after.batches().items()} == {1: [1, 2]}
    assert [trial.proposal.weight for trial in after.trials.values()] == [0.8, 0.2]
