"""The message after too many failures in a row names the output of the last one only if there is some, and where."""

from pathlib import Path

import pytest
from told_stories import POINT, Story, campaign_of

from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.rules.failures_in_a_row import FailuresInARow

FILE = {
    "name": "small",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "budget": {"trials": 4},
}


def message(output: Path | None, *, here: bool = True) -> str:
    story = Story(campaign_of(failures={"max_in_a_row": 1})).proposed(1, 0, dict(POINT)).started(1, 0).failed(1, 1)
    stopped = FailuresInARow(output, here=here).after(story.history, 1, 1)
    assert stopped is not None
    return str(stopped)


def test_the_output_is_in_the_folder_of_the_attempt_on_the_machine_that_evaluated_it():
    assert f"\nIts output on this machine is in {Path('work')}/" in message(Path("work"))
    assert f"\nThe machine that evaluated it has its output in {Path('work')}/" in message(Path("work"), here=False)


def test_no_folder_is_named_for_an_evaluator_that_leaves_no_output():
    assert "output" not in message(None)
    assert "\nFix the cause and run the campaign again" in message(None)


@pytest.mark.parametrize(
    ("evaluator", "leaves_output", "at_server"),
    [
        ({"url": "https://lab.example/evaluations"}, False, True),
        ({"kind": "simulated", "function": "levy"}, False, False),
        ({"kind": "command", "command": ["true"]}, True, False),
        ({"kind": "python", "function": "math:sqrt"}, True, False),
    ],
)
def test_the_settings_of_an_evaluator_know_whether_it_leaves_output_and_whether_a_server_evaluates(
    evaluator: dict, leaves_output: bool, at_server: bool
):
    read = read_campaign(FILE | {"evaluator": evaluator}).evaluator
    assert (read.leaves_output, read.at_server) == (leaves_output, at_server)
