"""A mistake in a campaign's file does not hide what its ledger holds."""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from told_stories import Story, campaign_of
from typer.testing import CliRunner, Result

from overnight.campaign.errors import InvalidDefinition, LedgerError
from overnight.flows.cli import app
from overnight.storage import open_ledger

COMMANDS: Sequence[Sequence[str]] = (
    ("status",),
    ("status", "--format", "json"),
    ("trials",),
    ("trials", "--format", "csv"),
    ("report",),
    ("query", "select trial, loss from trials"),
    ("export", "trials.csv"),
    ("explain", "1"),
)
WHOLE = "\n".join(
    [
        "name: rates",
        *(
            f"{key}: {json.dumps(value)}"
            for key, value in campaign_of().model_dump(mode="json", exclude_none=True).items()
            if key in ("parameters", "minimize", "workers", "budget", "baseline")
        ),
        'evaluator: {command: ["true"]}',
        "proposer: {kind: sobol}",
    ]
)
MISTAKES = {
    "an unknown key": f"{WHOLE}\nbugdet: 3",
    "two mistakes": f"{WHOLE.replace('workers: 2', 'workers: none')}\nbugdet: 3",
    "no YAML": f"{WHOLE}\nfix: [",
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    story = Story().tried(1, 1, 0.5).tried(2, 3, 0.25).drained(9)
    asyncio.run(open_ledger("./ledger", "rates", Path()).append(story.events, after=0))


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], catch_exceptions=False)


def plain(text: str) -> str:
    """Return the text without the time at which it was written."""
    return re.sub(r'"now": "[^"]*"', "", text)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_reader_shows_the_same_with_one_line_of_warning(command: Sequence[str], mistake: str):
    Path("campaign.yaml").write_text(WHOLE)
    expected = ran(*command)
    assert expected.exit_code == 0
    Path("campaign.yaml").write_text(MISTAKES[mistake])
    found = ran(*command)
    assert found.exit_code == 0
    assert plain(found.stdout) == plain(expected.stdout)
    [warning] = found.stderr.splitlines()
    assert warning.startswith("campaign.yaml has a mistake, so the campaign is shown as its ledger defines it: ")
    assert re.search(r"campaign\.yaml:\d+: ", warning)
    assert ("and 1 more (overnight check campaign.yaml)" in warning) == (mistake == "two mistakes")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_reader_needs_no_file_if_it_is_given_the_folder_in_the_ledger(command: Sequence[str]):
    Path("campaign.yaml").write_text(WHOLE)
    expected = ran(*command)
    found = ran(*command, "ledger/rates")
    assert (found.exit_code, found.stderr) == (0, "")
    assert plain(found.stdout) == plain(expected.stdout)


@pytest.mark.parametrize(
    "text", ["name: other\nbugdet: 3", "bugdet: 3", "name: ../rates\nbugdet: 3", "name: rates\nledger: 7"]
)
def test_a_file_that_does_not_show_a_ledger_with_events_is_refused(text: str):
    Path("campaign.yaml").write_text(text)
    with pytest.raises(InvalidDefinition, match=r"campaign\.yaml"):
        ran("status")


def test_a_folder_without_a_ledger_is_refused():
    Path("ledger/empty").mkdir()
    with pytest.raises(LedgerError, match="expected the ledger of campaign `empty`, found nothing"):
        ran("status", "ledger/empty")


@pytest.mark.parametrize("command", [("check",), ("revise",), ("pause", "--why", "x")], ids=" ".join)
def test_commands_that_write_or_judge_the_file_still_refuse_it(command: Any):
    Path("campaign.yaml").write_text(MISTAKES["an unknown key"])
    with pytest.raises(InvalidDefinition, match="bugdet"):
        ran(*command)
