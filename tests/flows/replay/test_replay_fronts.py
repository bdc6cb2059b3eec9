"""A recommended front is recorded in the ledger, read from it and computed again."""

import json
from pathlib import Path

import pytest

from overnight.campaign.history.events import RecommendationMade
from overnight.campaign.history.provenance import Prediction, Stack
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.api.background_loop import run_in_background
from overnight.flows.replay.recommended import replay_recommendations
from overnight.storage import open_ledger

CAMPAIGN = {
    "name": "fronts",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "objectives": [{"minimize": "size", "worst": 2}, {"maximize": "speed"}],
    "prefer": ["speed >= 0.2 * baseline"],
    "constraints": ["size <= 0.9"],
    "baseline": {"x": 0.5},
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 8},
    "confirm": "auto",
    "proposer": {"kind": "sobol"},
}
FOREIGN = Stack(threads=1, libraries={"torch": "1.0"})


@pytest.fixture
def asked(tmp_path: Path) -> AskTell:
    """Return a campaign that has come to its end."""
    path = tmp_path / "campaign.yaml"
    path.write_text(json.dumps({**CAMPAIGN, "ledger": str(tmp_path / "ledger")}))
    campaign = AskTell(path)
    for _ in range(8):
        trial = campaign.ask()
        campaign.tell(trial, {"size": (trial.point["x"], 0.05), "speed": (trial.point["x"] ** 0.5, 0.05)})
    return campaign


def events_of(folder: Path):
    segments = run_in_background(open_ledger(str(folder / "ledger"), "fronts", Path()).read())
    return [event for segment in segments for event in segment.events]


def test_a_front_is_recorded_at_the_end_and_made_again_to_the_last_bit(asked, tmp_path):
    found = asked.recommend()
    assert found.trial in {each.trial for each in found.front}
    assert found.preferred is True
    assert found.worst["size"] == 2.0
    made = events_of(tmp_path)[-1]
    assert isinstance(made, RecommendationMade)
    assert made.recommendation == found
    [again] = replay_recommendations(events_of(tmp_path), tmp_path)
    assert again.found.verdict == "same"


def verdict(folder: Path, recommendation) -> tuple[str, str]:
    *before, made = events_of(folder)
    changed = made.model_copy(update={"recommendation": recommendation, "stack": FOREIGN})
    [again] = replay_recommendations([*before, changed], folder)
    return again.found.verdict, again.found.why


def test_a_front_of_another_stack_names_the_same_trials_and_agrees_in_every_objective(asked, tmp_path):
    found = asked.recommend()
    last = found.front[-1]

    def with_last(**changes):
        return found.model_copy(update={"front": (*found.front[:-1], last.model_copy(update=changes))})

    def believed(metric: str, by: float):
        old = last.predicted[metric]
        moved = Prediction(mean=old.mean + by * old.sd, sd=old.sd)
        return with_last(predicted={**last.predicted, metric: moved})

    assert verdict(tmp_path, believed("speed", 0.001))[0] == "other stack"
    assert verdict(tmp_path, believed("speed", 1.0))[0] == "undecided"
    shorter = found.model_copy(update={"front": tuple(each for each in found.front if each.trial == found.trial)})
    assert verdict(tmp_path, shorter)[0] == "undecided"
    assert verdict(tmp_path, with_last(trial=99)) == ("different", "trial 99 had no result")
