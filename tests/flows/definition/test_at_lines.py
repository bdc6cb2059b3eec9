"""Problems that are found after a file was read have the file and the line of their key, as the others do."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overnight.campaign.errors import InvalidDefinition
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.api.run import run_campaign
from overnight.flows.commands.people.revise import revise
from overnight.flows.commands.start.check import check
from overnight.flows.definition.at_lines import at_lines_of
from overnight.flows.definition.yaml_source import read_yaml

FILE = """\
name: lines
parameters:
  x: {kind: float, low: 0, high: 1}
minimize: loss
budget: {trials: 5}
"""
MISTAKES = {
    "nothing:evaluate": ("evaluator: nothing:evaluate", "6: evaluator: expected a module `nothing`"),
    "a long form": (
        "evaluator:\n  kind: python\n  function: json:nothing",
        "8: evaluator.function: expected `nothing`",
    ),
    "a program": (
        "evaluator:\n  kind: command\n  command: [no-such-program]",
        "8: evaluator.command: expected a program that can be run",
    ),
    "a variable": (
        'evaluator:\n  command: ["true"]\n\n  environment: [NO_SUCH_VARIABLE]',
        "9: evaluator.environment: expected `NO_SUCH_VARIABLE` to be set",
    ),
    "parameters": ("evaluator: {kind: simulated, function: branin}", "2: parameters: expected 2 for `branin`, found 1"),
    "a proposer": (
        'evaluator: {command: ["true"]}\nproposer: {implementation: nothing:Proposer}',
        "7: proposer.implementation: expected to import `nothing`",
    ),
    "constraints": (
        'evaluator: {command: ["true"]}\nparameter_constraints: ["x >= 0.9999999", "x ** 2 <= 0.9999996"]',
        "7: parameter_constraints: expected ",
    ),
    "a place": ('evaluator: {command: ["true"]}\nwork: campaign.yaml', "7: work: expected a folder, but "),
}
DOORS: dict[str, Callable[[Path], Any]] = {"check": check, "run": run_campaign}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("campaign.yaml")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_cannot_be_loaded_or_used_has_its_line(path: Path, mistake: str, door: str):
    lines, expected = MISTAKES[mistake]
    path.write_text(FILE + lines + "\n")
    with pytest.raises(InvalidDefinition, match=re.escape(f"campaign.yaml:{expected}")):
        DOORS[door](path)


def test_a_revision_of_a_file_and_a_loop_of_ones_own_have_it_too(path: Path):
    path.write_text(FILE + "evaluator: nothing:evaluate\n")
    with pytest.raises(InvalidDefinition, match=r"^campaign.yaml:6: evaluator: expected"):
        revise(path, "")
    path.write_text(FILE + "proposer: {implementation: nothing:Proposer}\n")
    with pytest.raises(InvalidDefinition, match=r"^campaign.yaml:6: proposer.implementation: expected"):
        AskTell(path).ask()


@pytest.mark.parametrize(
    "problem",
    [
        "`evaluator`: expected an evaluator, got nothing.",
        "`--fix`: expected a name and its value",
        "campaign.yaml:3: parameters.x: expected low < high",
        "The ledger already holds a campaign `lines`",
    ],
)
def test_a_problem_that_names_no_key_of_the_file_stays_as_it_is(path: Path, problem: str):
    path.write_text(FILE)
    with pytest.raises(InvalidDefinition) as refused, at_lines_of(path):
        raise InvalidDefinition([problem])
    assert refused.value.problems == [problem]


def test_a_mapping_and_a_file_that_is_gone_have_no_lines(path: Path):
    for source in (read_yaml_of(path), path):
        path.unlink(missing_ok=True)
        with pytest.raises(InvalidDefinition, match=r"^`budget`: expected"), at_lines_of(source):
            raise InvalidDefinition(["`budget`: expected more"])


def read_yaml_of(path: Path) -> Any:
    path.write_text(FILE)
    return read_yaml(path).data
