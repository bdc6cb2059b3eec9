"""People approve, reject, suggest, revise and abandon trials while the last trials of a campaign confirm."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from overnight.bo_core import BayesianProposer
from overnight.campaign.errors import AskLater, BudgetSpent
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.cli import app

PROPOSER = BayesianProposer(initial=4, restarts=2, raw_points=64, draws=32)
# Every computed point is predicted to be worse than this.
STRICT = {"when": {"predicted": {"worse_than": -9.0}}, "most_waiting": 3}


class Campaign:
    """A campaign of eight trials, the last three of which confirm, and the people at its terminal."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.path = folder / "campaign.yaml"
        self.definition: dict[str, Any] = {
            "name": "people",
            "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
            "minimize": "loss",
            "evaluator": {"kind": "command", "command": ["true"]},
            "budget": {"trials": 8},
            "confirm": 3,
            "proposer": PROPOSER.model_dump(mode="json"),
            "ledger": str(folder / "ledger"),
        }
        self.write(**changes)
        self.loop = AskTell(self.path)

    def write(self, **changes: Any) -> None:
        self.definition |= changes
        self.path.write_text(json.dumps(self.definition))

    def say(self, *words: str) -> None:
        done = CliRunner().invoke(app, [*words, str(self.path), "--why", "so"], catch_exceptions=False)
        assert done.exit_code == 0, done.output

    def decide(self, command: str, trial: int) -> None:
        self.say(command, str(trial))

    def suggest(self, x: float) -> None:
        self.say("suggest", "--point", json.dumps({"x": x}))

    def revise(self, **changes: Any) -> None:
        self.write(**changes)
        self.say("revise")

    def ask(self) -> tuple[int, str]:
        """Return the number and the generator of the next trial, after approving each search trial that is parked."""
        while True:
            try:
                trial = self.loop.ask()
            except AskLater:
                parked = [t for t in self.loop.history.trials.open if t.parked]
                if not parked or parked[0].proposal.generator == "confirming":
                    raise
                self.decide("approve", parked[0].id)
            else:
                return trial.id, trial.proposal.generator

    def tell(self, trial: int) -> None:
        self.loop.tell(trial, (self.loop.history.trials[trial].point["x"] - 0.3) ** 2 + (trial % 3) / 10)

    def search(self, until: int = 5) -> "Campaign":
        """Ask and tell up to this trial."""
        while (number := self.ask()[0]) <= until:
            self.tell(number)
            if number == until:
                return self
        raise AssertionError(number)

    @property
    def generators(self) -> list[str]:
        return [trial.proposal.generator for _, trial in sorted(self.loop.history.trials.items())]

    @property
    def statuses(self) -> list[str]:
        return [trial.status for _, trial in sorted(self.loop.history.trials.items())]

    def finish(self) -> None:
        """Ask and tell to the end, and approve every trial."""
        while True:
            try:
                self.tell(self.ask()[0])
            except AskLater:
                [parked] = [t.id for t in self.loop.history.trials.open if t.parked]
                self.decide("approve", parked)
            except BudgetSpent:
                return


@pytest.mark.parametrize("approve", [STRICT, "always"], ids=["policy", "always"])
def test_each_confirming_trial_waits_for_approval_and_the_next_one_for_the_decision(tmp_path, approve):
    campaign = Campaign(tmp_path, approve=approve).search()
    for number in (6, 7, 8):
        for _ in range(2):
            with pytest.raises(AskLater, match="1 trial awaits approval"):
                campaign.ask()
        assert campaign.statuses[5:] == ["observed"] * (number - 6) + ["awaiting approval"]
        campaign.decide("approve", number)
        assert campaign.ask() == (number, "confirming")
        campaign.tell(number)
    with pytest.raises(BudgetSpent):
        campaign.ask()


def test_a_rejected_one_leaves_its_place_and_another_point_is_proposed(tmp_path):
    campaign = Campaign(tmp_path, approve=STRICT).search()
    with pytest.raises(AskLater):
        campaign.ask()
    campaign.decide("reject", 6)
    campaign.finish()
    assert campaign.generators[5:] == ["confirming"] * 4
    assert campaign.statuses[5:] == ["rejected"] + ["observed"] * 3
    points = [campaign.loop.history.trials[number].point for number in (6, 7)]
    assert points[0] != points[1]


def test_a_parked_search_trial_does_not_hold_it_up_and_its_rejection_returns_one_trial_to_the_search(tmp_path):
    campaign = Campaign(tmp_path, approve=STRICT).search(until=4)
    with pytest.raises(AskLater):
        campaign.loop.ask()
    assert campaign.generators[4:] == ["model", "confirming"]
    campaign.decide("approve", 6)
    assert campaign.ask() == (6, "confirming")
    campaign.tell(6)
    campaign.decide("reject", 5)
    campaign.finish()
    assert campaign.generators[4:] == ["model", "confirming", "model", "confirming", "confirming"]
    assert campaign.statuses[4:] == ["rejected"] + ["observed"] * 4


def test_a_suggested_point_comes_first_and_takes_the_place_of_a_confirming_trial(tmp_path):
    campaign = Campaign(tmp_path).search()
    assert campaign.ask() == (6, "confirming")
    campaign.suggest(0.75)
    assert campaign.ask() == (7, "manual")
    campaign.tell(6)
    with pytest.raises(AskLater, match="its last trials confirm one after the other"):
        campaign.ask()
    campaign.tell(7)
    campaign.finish()
    assert campaign.generators[5:] == ["confirming", "manual", "confirming"]


def test_an_abandoned_one_has_used_its_place_and_its_point_is_not_proposed_again(tmp_path):
    campaign = Campaign(tmp_path).search()
    number, _ = campaign.ask()
    campaign.decide("abandon", number)
    campaign.finish()
    assert campaign.generators[5:] == ["confirming"] * 3
    assert campaign.statuses[5:] == ["abandoned", "observed", "observed"]
    points = [campaign.loop.history.trials[number].point for number in (6, 7, 8)]
    assert points[0] not in points[1:]


def test_a_larger_budget_returns_to_the_search_and_reserves_again_and_narrower_bounds_move_it(tmp_path):
    campaign = Campaign(tmp_path).search(until=6)
    campaign.revise(budget={"trials": 11}, parameters={"x": {"kind": "float", "low": 0.5, "high": 1}})
    campaign.finish()
    assert campaign.generators[5:] == ["confirming", "model", "model", "confirming", "confirming", "confirming"]
    assert all(campaign.loop.history.trials[number].point["x"] >= 0.5 for number in range(7, 12))


def test_a_campaign_whose_confirming_trials_do_not_confirm_any_more_ends_with_its_search(tmp_path):
    campaign = Campaign(tmp_path).search(until=6)
    campaign.revise(confirm="never")
    campaign.finish()
    assert campaign.generators[5:] == ["confirming", "model", "model"]
