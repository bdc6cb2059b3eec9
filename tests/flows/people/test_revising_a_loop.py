"""`overnight revise` for a campaign that a loop of the user's own evaluates, whose file has no evaluator."""

from contextlib import suppress
from pathlib import Path

import pytest

from overnight.campaign.errors import CampaignStopped, InvalidDefinition
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.commands.people.revise import revise

FILE = """\
name: loop
kind: ab_test
parameters:
  x: {{kind: float, low: 0, high: {high}}}
  y: {{kind: float, low: 0, high: 1}}
maximize: conversion
baseline: {{x: 0.2, y: 0.5}}
arms: 4
traffic: {{unit: users, per_batch: 20000}}
budget: {{trials: 12}}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("campaign.yaml")
    path.write_text(FILE.format(high=1))
    return path


def test_an_ab_test_of_a_loop_follows_bounds_that_are_narrowed_in_the_middle_of_a_batch(path: Path):
    loop = AskTell(path)
    for _ in range(4):
        arm = loop.ask()
        loop.tell(arm, (2.0 + float(arm.point["x"]), 0.05))
    under_way = [loop.ask(), loop.ask()]
    path.write_text(FILE.format(high=0.3))
    revise(path, "half-way")
    loop = AskTell(path)
    for arm in under_way:
        loop.tell(arm, (2.0 + float(arm.point["x"]), 0.05))
    tried = [trial.id for trial in loop.history.trials.values()]
    with suppress(CampaignStopped):
        while True:
            arm = loop.ask()
            loop.tell(arm, (2.0 + float(arm.point["x"]), 0.05))
    trials = loop.history.trials
    assert not trials.open
    abandoned = [trials[number] for number in tried if trials[number].status == "abandoned"]
    assert all("outside of the space of revision 1" in getattr(trial.outcome, "why", "") for trial in abandoned)
    assert all(float(trial.point["x"]) <= 0.3 for number, trial in trials.items() if number not in tried)


def test_the_space_of_a_loops_file_is_checked_nevertheless(path: Path):
    AskTell(path).ask()
    path.write_text(FILE.format(high=1) + 'parameter_constraints: ["x >= 0.2", "x + y >= 1.99999999"]\n')
    with pytest.raises(InvalidDefinition, match=r"^campaign.yaml:\d+: "):
        revise(path, "too narrow")
