"""The version of the command line, its help, and a second `init`."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overnight.campaign.changes import revisable_keys
from overnight.campaign.errors import OvernightError
from overnight.flows.cli import app
from overnight.flows.commands.people.cli import revise

ROOT = Path(__file__).parents[3]


def said(*arguments: str) -> str:
    done = CliRunner(env={"COLUMNS": "100"}).invoke(app, [*arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_it_says_which_version_it_is():
    assert said("--version") == f"overnight {version('overnight')}\n"


def test_the_help_and_the_guide_name_the_keys_that_may_be_revised():
    guide = (ROOT / "docs" / "how-to" / "while-it-runs.md").read_text()
    for text in (revise.__doc__ or "", guide):
        [listed] = re.findall(r"These keys may change: ([^.]*)\.", text)
        assert re.findall(r"`(\w+)`", listed) == [*revisable_keys()]
    assert all(key in said("revise", "--help") for key in revisable_keys())


def test_a_second_init_names_the_files_that_are_there(tmp_path: Path):
    said("init", str(tmp_path))
    with pytest.raises(OvernightError, match=r"campaign.yaml and .*objective.py exist already"):
        said("init", str(tmp_path))
    (tmp_path / "objective.py").unlink()
    with pytest.raises(OvernightError, match=r"campaign.yaml exists already"):
        said("init", str(tmp_path))
