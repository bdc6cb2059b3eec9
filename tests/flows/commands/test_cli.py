"""The version of the command line, its help, and a second `init`."""

import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overnight.campaign.changes import revisable_keys
from overnight.campaign.errors import OvernightError
from overnight.flows.cli import app, main
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


@pytest.mark.parametrize("folder", ["a-file", "a-file/below", "/proc/overnight"])
def test_an_init_in_a_place_that_is_no_folder_is_refused(tmp_path: Path, folder: str):
    (tmp_path / "a-file").touch()
    with pytest.raises(OvernightError, match="expected a folder to write to"):
        said("init", str(tmp_path / folder))


@pytest.mark.parametrize(
    "command",
    [
        *("status", "trials", "report", "export out.csv", "verify", "explain 1", f"compare {'n' * 300}"),
        *("dashboard", "init"),
    ],
)
def test_a_path_that_the_system_refuses_is_one_paragraph(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    name = "n" * 300
    monkeypatch.setattr(sys, "argv", ["overnight", *command.split(), name])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert re.match(rf"{name}\S*: expected a path that can be used", capsys.readouterr().err)


def test_an_error_of_the_system_that_is_about_no_argument_is_no_paragraph(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["overnight", "status", "campaign.yaml"])

    def refused() -> None:
        raise PermissionError(13, "Permission denied", "/elsewhere/file")

    monkeypatch.setattr("overnight.flows.cli.app", refused)
    with pytest.raises(PermissionError):
        main()
