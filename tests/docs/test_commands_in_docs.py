import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from fenced_blocks import PAGES, REPOSITORY, Shell, blocks
from jsonschema import Draft202012Validator
from own_prefect import Server
from ruamel.yaml import YAML

from overnight.campaign.errors import InvalidDefinition
from overnight.flows.cli import app
from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.definition.json_schema import campaign_schema

LANGUAGES = {"sh", "text", "yaml", "python", "json"}
FIRST = REPOSITORY / "docs" / "tutorials" / "five-minutes.md"
FROM_NOTHING = REPOSITORY / "docs" / "tutorials" / "first-evaluator.md"
COMMAND = re.compile(r"^(?:\$|overnight|prefect|dask|make|export|openssl|python) ")
SCHEMA = Draft202012Validator(campaign_schema())
SMALL = {
    "name": "small",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "evaluator": "objective:evaluate",
    "budget": {"trials": 3},
}


def named(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def has_commands(path: Path) -> bool:
    return any(block.is_run for block in blocks(path.read_text()))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Path:
    """Return the folder of the campaign that a reader has at the end of the first tutorial."""
    shell = Shell(tmp_path_factory.mktemp("reader"), server.environment)
    shell.follow(FIRST.read_text())
    return shell.folder


@pytest.mark.slow
def test_the_first_tutorial_ends_with_a_report(finished):
    assert (finished / "first-campaign-report.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if has_commands(p) and p not in (FIRST, FROM_NOTHING)], ids=named)
def test_the_commands_of_a_page_run_in_the_folder_of_a_finished_campaign(page, finished, tmp_path, server):
    folder = shutil.copytree(finished, tmp_path / "my-campaign")
    Shell(folder, server.environment).follow(page.read_text())


@pytest.mark.slow
def test_the_evaluators_of_the_second_tutorial_run(tmp_path, server):
    Shell(tmp_path, server.environment).follow(FROM_NOTHING.read_text())
    assert list(tmp_path.glob("ledger/bread/events/*/*.parquet"))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_block_names_its_language_and_commands_are_in_blocks_that_are_run(page):
    text = page.read_text()
    for block in blocks(text):
        assert block.language in LANGUAGES, block.text
        assert block.language != "text" or not any(map(COMMAND.match, block.text.splitlines())), block.text
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^ {4}(?:overnight|\$|prefect) .*$", outside, re.MULTILINE) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_that_a_page_names_exists(page):
    known = set(typer.main.get_command(app).commands)
    assert set(re.findall(r"`overnight ([a-z][a-z-]+)", page.read_text())) <= known


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_piece_of_a_campaign_file_is_accepted_by_the_schema_and_by_the_reader(page):
    for block in blocks(page.read_text()):
        if block.language == "yaml":
            assert problems(block.text) == [], block.text


def problems(text: str) -> list[str]:
    pieces = [YAML(typ="safe", pure=True).load(piece) for piece in re.split(r"^# or\n", text, flags=re.MULTILINE)]
    files = [with_its_goal(piece) for piece in pieces if set(piece) <= SCHEMA.schema["properties"].keys()]
    return [
        *(error.message for file in files for error in SCHEMA.iter_errors(file)),
        *(problem for file in files for problem in refused(file)),
    ]


def with_its_goal(piece: dict[str, Any]) -> dict[str, Any]:
    """Return the small campaign with a piece of another file, whose objectives take the place of its own."""
    aims = {"maximize", "target", "objectives"} & piece.keys()
    small = {key: value for key, value in SMALL.items() if key != "minimize" or not aims}
    return small | piece


def refused(file: dict[str, Any]) -> list[str]:
    """Return the reader's reasons for refusing a file; nothing if it accepts the file."""
    try:
        read_campaign(file)
    except InvalidDefinition as problem:
        return list(problem.problems)
    return []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_python_in_a_page_is_python(page):
    for block in blocks(page.read_text()):
        if block.language == "python":
            compile(block.text, named(page), "exec")
