"""The gain that is left: decisions that expect little count in a row, and one that could not know it ends the row."""

from datetime import UTC, datetime

import pytest

from overnight.campaign import Campaign, History
from overnight.campaign.history.events import CampaignDefined, TrialProposed
from overnight.campaign.history.provenance import Chosen, MadeBy, Provenance, Weights
from overnight.campaign.standing.enough import gain_left, why_enough

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CAMPAIGN = Campaign.model_validate(
    {
        "name": "bread",
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "loss",
        "constraints": ["grams <= 5"],
        "stop_when": {"expected_gain_below": 0.1, "in_a_row": 2},
        "budget": {"trials": 9},
    }
)


def history_with(*gains: float | None) -> History:
    """Return a history of proposals that expected these gains, None if no point was feasible."""
    made = [
        Provenance(
            made_by=MadeBy(seed=1),
            chosen=Chosen(value=-1.0, expected_gain=gain),
            weights=Weights(constraints={"grams <= 5": 0.5}),
        )
        for gain in gains
    ]
    proposed = [
        TrialProposed(time=NOW, actor="me", trial=i, batch=i, point={"x": i / 9}, generator="model", provenance=each)
        for i, each in enumerate(made, start=1)
    ]
    return History.from_events([CampaignDefined(time=NOW, actor="me", uid="u", definition=CAMPAIGN), *proposed])


@pytest.mark.parametrize(
    ("gains", "in_a_row"),
    [((0.5, 0.01, 0.02), 2), ((0.01, 0.5, 0.02), 1), ((0.01, None, 0.02), 1), ((0.01, 0.02, None), None), ((), None)],
)
def test_only_the_latest_decisions_that_expect_little_count(gains, in_a_row):
    history = history_with(*gains)
    left = gain_left(history)
    assert (None if left is None else left.in_a_row) == in_a_row
    assert (why_enough(history) is not None) == (in_a_row == 2)
