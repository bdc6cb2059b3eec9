"""What the command line says of itself."""

from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overnight.campaign.errors import OvernightError
from overnight.flows.cli import app


def said(*arguments: str) -> str:
    done = CliRunner(env={"COLUMNS": "100"}).invoke(app, [*arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_it_says_which_version_it_is():
    assert said("--version") == f"overnight {version('overnight')}\n"


def test_what_may_be_revised_is_said():
    text = said("revise", "--help")
    for part in ("bounds", "budget", "window", "workers", "failures", "stop_early", "stop_when", "approve"):
        assert part in text


def test_a_second_init_names_the_files_that_are_there(tmp_path: Path):
    said("init", str(tmp_path))
    with pytest.raises(OvernightError, match=r"campaign.yaml and .*objective.py exist already"):
        said("init", str(tmp_path))
    (tmp_path / "objective.py").unlink()
    with pytest.raises(OvernightError, match=r"campaign.yaml exists already"):
        said("init", str(tmp_path))
