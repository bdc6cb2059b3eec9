"""Different solutions are recorded in the ledger, read from it and computed again."""

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
    "name": "several",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}, "mode": {"kind": "categorical", "choices": ["a", "b"]}},
    "minimize": "loss",
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 8},
    "proposer": {"kind": "sobol"},
    "solutions": {"count": 3, "apart": 0.2, "within": 0.3},
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
        campaign.tell(trial, {"loss": ((float(trial.point["x"]) - 0.4) ** 2, 0.01)})
    return campaign


def events_of(folder: Path):
    segments = run_in_background(open_ledger(str(folder / "ledger"), "several", Path()).read())
    return [event for segment in segments for event in segment.events]


def test_solutions_are_recorded_at_the_end_and_made_again_to_the_last_bit(asked, tmp_path):
    found = asked.recommend()
    assert len(found.solutions.found) == 3
    made = events_of(tmp_path)[-1]
    assert isinstance(made, RecommendationMade)
    assert made.recommendation == found
    [again] = replay_recommendations(events_of(tmp_path), tmp_path)
    assert again.found.verdict == "same"


def test_a_measured_recommendation_has_measured_solutions(asked):
    found = asked.recommend(anywhere=False)
    assert found.solutions.measured_only
    assert all(each.trial is not None for each in found.solutions.found)


def verdict(folder: Path, found, stack: Stack | None = FOREIGN, **changes) -> tuple[str, str]:
    """Return the verdict on a recommendation whose last solution was changed."""
    *before, made = events_of(folder)
    last = found.solutions.found[-1].model_copy(update=changes)
    several = found.solutions.model_copy(update={"found": (*found.solutions.found[:-1], last)})
    changed = made.model_copy(update={"recommendation": found.model_copy(update={"solutions": several})})
    if stack is not None:
        changed = changed.model_copy(update={"stack": stack})
    [again] = replay_recommendations([*before, changed], folder)
    return again.found.verdict, again.found.why


def test_other_solutions_on_the_same_stack_are_different(asked, tmp_path):
    assert verdict(tmp_path, asked.recommend(), None, differs_by=0.9) == ("different", "solutions differ")


def test_solutions_of_another_stack_name_the_same_trials_and_agree_about_their_values(asked, tmp_path):
    found = asked.recommend()
    old = found.solutions.found[-1].predicted["loss"]

    def believed(by: float):
        return {"loss": Prediction(mean=old.mean + by * old.sd, sd=old.sd)}

    assert verdict(tmp_path, found, predicted=believed(0.001))[0] == "other stack"
    assert verdict(tmp_path, found, predicted=believed(1.0))[0] == "undecided"
    assert verdict(tmp_path, found, trial=99) == ("different", "trial 99 had no result")
    other = next(i for i in range(1, 9) if i not in {each.trial for each in found.solutions.found})
    assert verdict(tmp_path, found, trial=other)[0] == "undecided"
