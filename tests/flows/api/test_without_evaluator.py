"""A loop of the user's own needs no evaluator in its campaign file; a controller reports that it does."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from overnight.campaign.errors import InvalidDefinition
from overnight.evaluators import OwnLoop
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.api.run import run_campaign
from overnight.flows.cli import app
from overnight.flows.commands.start.check import check
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file, read_campaign
from overnight.storage import open_ledger

DEFINITION: dict[str, Any] = {
    "name": "bread",
    "parameters": {"heat": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "burnt",
    "budget": {"trials": 2},
    "proposer": {"kind": "sobol"},
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(DEFINITION)


def written(definition: dict[str, Any]) -> None:
    Path("campaign.yaml").write_text(yaml.safe_dump(definition))


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], catch_exceptions=False)


def test_a_loop_needs_no_evaluator():
    campaign = AskTell("campaign.yaml")
    for _ in range(2):
        trial = campaign.ask()
        campaign.tell(trial, float(str(trial.point["heat"])))
    assert [trial.status for trial in campaign.history.trials.values()] == ["observed"] * 2
    assert campaign.history.defined is not None
    assert campaign.history.defined.settings["evaluator"] == {"kind": "own_loop"}
    assert campaign.recommend() is not None


def test_the_status_of_such_a_campaign_names_the_loop_until_nothing_is_left():
    campaign = AskTell("campaign.yaml")
    first = campaign.ask()
    assert "next: a loop of your own (`AskTell`) asks for its trials" in asked("status").output
    campaign.tell(first, 1.0)
    assert "next: a loop of your own (`AskTell`) asks for its trials" in asked("status").output
    campaign.tell(campaign.ask(), 2.0)
    shown = asked("status").output
    assert "next:" not in shown
    assert "finished: all its trials have been tried" in shown


def test_a_loop_that_has_begun_is_named_even_if_the_file_has_an_evaluator():
    campaign = AskTell(DEFINITION | {"evaluator": "oven:bake"})
    campaign.tell(campaign.ask(), 1.0)
    assert "(`AskTell`) asks for its trials" in asked("status").output


def test_a_controller_refuses_such_a_campaign_and_writes_nothing():
    expected = r"`evaluator`: expected an evaluator, got nothing.*overnight run.*`AskTell`"
    with pytest.raises(InvalidDefinition, match=expected):
        run_campaign("campaign.yaml")
    with pytest.raises(InvalidDefinition, match=expected):
        check(Path("campaign.yaml"))
    assert not asyncio.run(open_ledger("./ledger", "bread", Path()).read())


def test_check_shows_what_it_understood_before_it_misses_the_evaluator(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(InvalidDefinition):
        check(Path("campaign.yaml"))
    printed = " ".join(capsys.readouterr().out.split())
    assert "heat" in printed
    assert "evaluator a loop of your own (`AskTell`)" in printed
    assert "valid" not in printed


def test_other_mistakes_are_found_first():
    written(DEFINITION | {"parameter_constraints": ["heat >= 2"]})
    with pytest.raises(InvalidDefinition, match="found none"):
        check(Path("campaign.yaml"))


@pytest.mark.parametrize("window", [None, "22:00-06:00 Europe/Berlin"])
def test_a_file_without_an_evaluator_is_the_file_of_its_own_dump(window: str | None):
    file = load_campaign_file("campaign.yaml") if window is None else read_campaign(DEFINITION | {"window": window})
    assert file.evaluator == OwnLoop()
    assert CampaignFile.model_validate(file.model_dump(mode="json")) == file
    assert CampaignFile.model_validate_json(file.model_dump_json()) == file
    assert read_campaign(DEFINITION | {"evaluator": {"kind": "own_loop"}, "window": window}).evaluator == OwnLoop()
