"""`overnight status` for people and for programs."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from told_stories import HOSTILE, Story, at, campaign_of

from overnight.flows.commands.read.status import status
from overnight.report.story import Story as Told
from overnight.storage import open_ledger

FILE = """name: rates
parameters:
  rate: {kind: float, low: 0.0001, high: 1, scale: log}
minimize: loss
evaluator: obj:evaluate
budget: {trials: 10}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("campaign.yaml").write_text(FILE)
    story = Story(campaign_of()).tried(1, 0, mean=1.0).proposed(2, 1).started(2, 1).failed(2, 2, message=HOSTILE)
    asyncio.run(open_ledger("ledger", "rates", Path()).append(story.finished(3).events, after=0))
    return Path("campaign.yaml")


def test_json_holds_the_facts_of_the_lines(path: Path, capsys: pytest.CaptureFixture[str]):
    status(path, "text", None)
    lines = capsys.readouterr().out.splitlines()
    status(path, "json", None)
    told = Told.model_validate_json(capsys.readouterr().out)
    assert lines[0] == f"{told.campaign}: {told.standing}" == "rates: finished: budget spent"
    assert "best so far: loss 1 (trial 1)" in lines
    assert told.best.measured is not None
    assert (told.best.measured.trial, told.best.measured.measurement.mean) == (1, 1.0)
    assert f"ledger: {told.ledger}" in lines
    [notice] = told.standing.notices
    assert notice in lines
    assert "defines another campaign" in notice
    assert told.failures.newest[0].message == HOSTILE


def test_as_of_shows_a_campaign_as_it_was_without_notices_of_today(path: Path, capsys: pytest.CaptureFixture[str]):
    status(path, "json", "2")
    told = json.loads(capsys.readouterr().out)
    assert (told["standing"]["state"], told["standing"]["notices"], told["events"]) == ("running", [], 2)


@pytest.mark.parametrize(("as_of", "seconds"), [("5", 0), ((at(1) + timedelta(seconds=30)).isoformat(), 30)])
def test_durations_as_of_a_moment_end_at_that_moment(path: Path, capsys: pytest.CaptureFixture[str], as_of, seconds):
    status(path, "json", as_of)
    told = Told.model_validate_json(capsys.readouterr().out)
    assert told.standing.state == "running"
    assert told.now == told.known_until == at(1) + timedelta(seconds=seconds)
