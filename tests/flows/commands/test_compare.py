"""`overnight compare` reads campaigns by their files or folders."""

import asyncio
import json
from pathlib import Path

import pytest
from told_stories import Story, campaign_of
from typer.testing import CliRunner

from overnight.flows.cli import app
from overnight.storage import open_ledger


@pytest.fixture(autouse=True)
def ledgers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for ledger, name, mean in (("one", "rates", 1.0), ("one", "others", 0.5), ("two", "rates", 3.0)):
        story = Story(campaign_of(name=name)).tried(1, 0, mean=mean, sem=0.1).finished(3)
        first, *others = story.events
        events = [first.model_copy(update={"uid": f"{ledger} {name}"}), *others]
        asyncio.run(open_ledger(ledger, name, Path()).append(events, after=0))


def output_of(*words):
    found = CliRunner().invoke(app, ["compare", *words])
    assert found.exit_code == 0, found.output
    return found.output


def test_two_campaigns_have_a_column_each_and_a_verdict():
    shown = output_of("one/rates", "one/others")
    assert "│ best measured" in shown
    assert "others is better than rates by 0." in shown
    assert "This assumes that the campaigns measure the same thing" in shown


def test_campaigns_of_one_name_are_called_by_their_places():
    assert "one/rates is better than two/rates" in output_of("two/rates", "one/rates")


def test_json_holds_both_stories_and_the_verdict():
    told = json.loads(output_of("one/rates", "one/others", "--format", "json"))
    assert [story["campaign"] for story in told["stories"]] == told["called"] == ["rates", "others"]
    assert [(pair["campaign"], pair["than"]) for pair in told["pairs"]] == [("others", "rates")]


def test_one_campaign_alone_is_refused():
    found = CliRunner().invoke(app, ["compare", "one/rates"])
    assert found.exit_code == 2
