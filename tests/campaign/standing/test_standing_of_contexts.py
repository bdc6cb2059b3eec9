"""Questions about a history whose trials are for several contexts."""

from datetime import UTC, datetime

import pytest

from overnight.campaign import Campaign, History, Proposal
from overnight.campaign.history.events import CampaignDefined, TrialProposed
from overnight.campaign.history.provenance import Chosen, MadeBy, Provenance
from overnight.campaign.standing.confirming import reserved
from overnight.campaign.standing.enough import gain_left, why_end_early
from overnight.campaign.standing.in_context import in_context
from overnight.campaign.standing.parking import why_parked

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CAMPAIGN = Campaign.model_validate(
    {
        "name": "bread",
        "context": {"oven": ["gas", "wood"]},
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}, "y": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "loss",
        "stop_when": {"expected_gain_below": 0.1, "in_a_row": 2},
        "budget": {"trials": 60},
        "confirm": "auto",
        "baseline": {"x": 0.5, "y": 0.5},
        "approve": {"when": {"change": {"x": 0.2}}},
    }
)


def history_with(*gains: tuple[str, float]) -> History:
    """Return a history of proposals that expected these gains in these ovens, one decision each."""
    proposed = [
        TrialProposed(
            time=NOW,
            actor="me",
            trial=i,
            batch=i,
            point={"oven": oven, "x": i / 99, "y": 0.5},
            generator="model",
            provenance=Provenance(made_by=MadeBy(seed=1), chosen=Chosen(value=-1.0, expected_gain=gain)),
        )
        for i, (oven, gain) in enumerate(gains, start=1)
    ]
    return History.from_events([CampaignDefined(time=NOW, actor="me", uid="u", definition=CAMPAIGN), *proposed])


@pytest.mark.parametrize(
    ("gains", "left"),
    [
        ([("gas", 0.01), ("gas", 0.01), ("gas", 0.01)], None),
        ([("gas", 0.01), ("gas", 0.02), ("wood", 0.5)], (0.5, 0)),
        ([("gas", 0.01), ("wood", 0.03), ("gas", 0.02), ("wood", 0.01)], (0.02, 2)),
    ],
)
def test_a_search_is_over_once_little_is_left_to_gain_in_every_context(gains, left):
    history = history_with(*gains)
    found = gain_left(history)
    assert (None if found is None else (found.latest, found.in_a_row)) == left
    assert (why_end_early(history) is not None) == (left is not None and left[1] >= 2)


@pytest.mark.parametrize(("trials", "count"), [(18, 0), (20, 2), (30, 2), (60, 4)])
def test_each_context_confirms_with_its_share_of_the_trials(trials, count):
    assert reserved(CAMPAIGN, trials) == count


def test_a_proposal_is_compared_with_the_baseline_whatever_its_context_is():
    history = history_with()
    for oven in ("gas", "wood"):
        near, far = (Proposal(point={"oven": oven, "x": x, "y": 0.5}, generator="model") for x in (0.6, 0.9))
        assert why_parked(CAMPAIGN, history, near) is None
        assert "x is 0.9" in (why_parked(CAMPAIGN, history, far) or "")


def test_the_history_of_a_context_has_its_trials_only():
    history = history_with(("gas", 1.0), ("wood", 1.0), ("gas", 1.0))
    found = in_context(history, {"oven": "gas"})
    assert [*found.trials] == [1, 3]
    assert found.definition.given == {"oven": "gas"}
    assert history.definition.given == {}
