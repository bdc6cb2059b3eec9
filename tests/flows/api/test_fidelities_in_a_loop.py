"""A loop of one's own with a fidelity: the points of `ask`, the costs of trials, and how a campaign ends."""

import pytest
from thorough_campaigns import DEFINITION

from overnight.campaign.errors import BudgetSpent
from overnight.campaign.standing.spending import spending
from overnight.flows.api.ask_tell import AskTell

LOSS = {1: 1.0, 3: 0.3, 9: 0.0}


@pytest.fixture
def source(tmp_path):
    evaluator = {"kind": "command", "command": ["true"]}
    places = {"ledger": str(tmp_path / "ledger"), "work": str(tmp_path / "work")}
    return DEFINITION | places | {"evaluator": evaluator, "proposer": {"kind": "bayesian", "initial": 6}}


def run(campaign: AskTell) -> None:
    while True:
        try:
            trial = campaign.ask()
        except BudgetSpent:
            return
        resumed = trial.attempts[-1].resumed
        if resumed is not None:
            earlier = campaign.history.trials[resumed.trial]
            assert earlier.point == {**trial.point, "epochs": resumed.fidelity}
        campaign.tell(trial, (trial.point["x"] - 0.3) ** 2 + LOSS[trial.point["epochs"]])


def test_a_loop_is_asked_for_fidelities_until_the_cost_is_spent_and_ends_with_a_full_evaluation(source):
    campaign = AskTell(source | {"budget": {"trials": 60, "cost": 4}})
    run(campaign)
    trials = campaign.history.trials
    last = trials[trials.last]
    assert (last.proposal.generator, last.point["epochs"]) == ("confirming", 9)
    assert {trial.point["epochs"] for trial in trials.values()} == {1, 3, 9}
    spent = spending(trials.values())
    assert spent.unreported == 0
    assert 4 - 1 <= spent.cost <= 4 + 1e-9
    found = campaign.recommend()
    assert found is not None
    assert found.point["epochs"] == 9
    assert abs(found.point["x"] - 0.3) < 0.15


def test_a_cost_that_the_loop_reports_counts(source):
    campaign = AskTell(source)
    campaign.tell(campaign.ask(), 1.0, cost=0.25)
    [ended] = [trial.outcome for trial in campaign.history.trials.values()]
    assert ended.cost == 0.25
