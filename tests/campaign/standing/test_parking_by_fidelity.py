"""With a fidelity, the cost of a point is known before it starts, and a person may be asked about expensive ones."""

import pytest
from thorough_campaigns import Thorough, thorough

from overnight.campaign import Proposal
from overnight.campaign.standing.parking import why_parked


@pytest.mark.parametrize(("epochs", "waits"), [(1, False), (3, False), (9, True)])
def test_only_evaluations_that_cost_more_than_the_limit_wait_for_a_person(epochs, waits):
    approve = {"when": {"cost": 0.5}, "most_waiting": 2}
    told = Thorough(thorough(approve=approve))
    told.run(0.1, 9, loss=1.0)
    found = why_parked(told.campaign, told.history, Proposal(point={"x": 0.5, "epochs": epochs}, generator="model"))
    assert (found is not None) == waits
    if found is not None:
        assert found == "its expected cost is 1 (that of its fidelity), more than 0.5 (`approve.when.cost`)"
