"""Recorded recommendations are computed again from the ledger alone, and a contradicted one is reported."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from overnight.campaign.history.events import Event, RecommendationMade
from overnight.campaign.history.provenance import Prediction, Stack
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.api.background_loop import run_in_background
from overnight.flows.cli import app
from overnight.flows.replay.recommended import replay_recommendations
from overnight.storage import open_ledger

CAMPAIGN = {
    "name": "own-loop",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}, "mode": {"kind": "categorical", "choices": ["a", "b"]}},
    "maximize": "score",
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 6},
    "proposer": {"kind": "bayesian", "initial": 3, "repeats": "ignore"},
    "baseline": {"x": 0.5, "mode": "a"},
}
FOREIGN = Stack(threads=1, libraries={"torch": "1.0"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the file of a campaign that has come to its end, and whose recommendation is recorded."""
    path = tmp_path / "campaign.yaml"
    path.write_text(json.dumps({**CAMPAIGN, "ledger": str(tmp_path / "ledger")}))
    campaign = AskTell(path)
    for _ in range(6):
        trial = campaign.ask()
        campaign.tell(trial, (1 - (trial.point["x"] - 0.3) ** 2, 0.1))
    campaign.recommend()
    return path


def events_of(file: Path) -> list[Event]:
    segments = run_in_background(open_ledger(str(file.parent / "ledger"), "own-loop", Path()).read())
    return [event for segment in segments for event in segment.events]


def verdict(file: Path, change: Callable[[RecommendationMade], dict[str, Any]]) -> tuple[str, str]:
    """Return the verdict on the recommendation after a change to its event."""
    *before, made = events_of(file)
    assert isinstance(made, RecommendationMade)
    [found] = replay_recommendations([*before, made.model_copy(update=change(made))], file.parent)
    assert found.events_seen == made.events_seen
    return found.found.verdict, found.found.why


def believed(made: RecommendationMade, by: float) -> dict[str, Any]:
    """Return a changed mean, by a number of standard deviations."""
    found = made.recommendation
    assert found.sd is not None
    predicted = {"score": Prediction(mean=found.mean + by * found.sd, sd=found.sd)}
    return {"recommendation": found.model_copy(update={"predicted": predicted})}


def test_it_is_made_again_to_the_last_bit(file):
    said = CliRunner().invoke(app, ["replay", str(file)], catch_exceptions=False)
    assert f"recommendation after {len(events_of(file)) - 1} events same\n" in said.output
    assert said.exit_code == 0
    assert "recommendation" not in CliRunner().invoke(app, ["replay", str(file), "--trial", "6"]).output


def test_one_that_its_events_do_not_lead_to_is_different(file):
    assert verdict(file, lambda made: believed(made, 1e-9)) == ("different", "predicted differ")
    other = verdict(file, lambda made: {"recommendation": made.recommendation.model_copy(update={"trial": 1})})
    assert other == ("different", "trial differ")


def test_another_stack_explains_small_differences_and_leaves_large_ones_undecided(file):
    assert verdict(file, lambda made: {"stack": FOREIGN}) == ("same", "on another stack (libraries (torch))")
    near = verdict(file, lambda made: believed(made, 0.001) | {"stack": FOREIGN})
    assert near == ("other stack", "predicted differ; so do libraries (torch)")
    far = verdict(file, lambda made: believed(made, 1.0) | {"stack": FOREIGN})
    assert far[0] == "undecided"
    trial = verdict(
        file,
        lambda made: {"stack": FOREIGN, "recommendation": made.recommendation.model_copy(update={"trial": 99})},
    )
    assert trial == ("different", "trial 99 had no result")


def test_one_before_any_result_is_different(file):
    *before, made = events_of(file)
    assert isinstance(made, RecommendationMade)
    [found] = replay_recommendations([*before, made.model_copy(update={"events_seen": 1})], file.parent)
    assert (found.found.verdict, found.found.why) == ("different", "nothing had been observed")
