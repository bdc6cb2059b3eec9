"""What was proposed is proposed again by who has only the ledger; what cannot be, is told."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from campaign.errors import LedgerError
from campaign.events import Event, TrialProposed
from flows.ask_tell import AskTell
from flows.cli import app
from flows.replay import Replayed, replay
from storage import open_ledger

CAMPAIGN = {
    "name": "own-loop",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}, "mode": {"kind": "categorical", "choices": ["a", "b"]}},
    "maximize": "score",
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 9},
    "proposer": {"kind": "bayesian", "initial": 3},
    "baseline": {"x": 0.5, "mode": "a"},
}
TRIALS = 7


@pytest.fixture
def events(tmp_path: Path) -> list[Event]:
    """Return a campaign's events: results arrive in another order, and one trial stays open."""
    (tmp_path / "campaign.yaml").write_text(json.dumps(CAMPAIGN | {"ledger": str(tmp_path / "ledger")}))
    campaign = AskTell(tmp_path / "campaign.yaml")
    late = campaign.ask()
    for _ in range(TRIALS - 1):
        trial = campaign.ask()
        campaign.tell(trial, (1 - (trial.point["x"] - 0.3) ** 2, 0.1))
    campaign.tell(late, 0.5)
    segments = asyncio.run(open_ledger(str(tmp_path / "ledger"), "own-loop", tmp_path).read())
    return [event for segment in segments for event in segment.events]


def changed(events: list[Event], trial: int, **provenance: object) -> list[Event]:
    """Return the events with other words about how a trial was proposed."""
    return [
        e.model_copy(update={"provenance": e.provenance.model_copy(update=provenance)})
        if isinstance(e, TrialProposed) and e.trial == trial and e.provenance
        else e
        for e in events
    ]


def verdicts(found) -> dict[int, str]:
    return {each.trial: each.verdict for each in found}


def test_each_computed_proposal_is_made_again_to_the_last_bit(events, tmp_path):
    by = {e.trial: e.generator for e in events if isinstance(e, TrialProposed)}
    assert set(by.values()) == {"baseline", "sobol", "model"}
    # The baseline was not computed.
    assert verdicts(replay(events, tmp_path)) == dict.fromkeys(sorted(by)[1:], "same")


def test_a_single_trial_can_be_asked_for(events, tmp_path):
    assert list(replay(events, tmp_path, TRIALS)) == [Replayed(TRIALS, "same")]


def test_a_point_that_was_not_what_these_events_lead_to_is_told(events, tmp_path):
    forged = [
        e.model_copy(update={"point": {**e.point, "x": 0.123}}) if isinstance(e, TrialProposed) and e.trial == 6 else e
        for e in events
    ]
    [found] = replay(forged, tmp_path, 6)
    assert (found.verdict, found.why) == ("different", "points differ")


def test_words_about_it_that_are_wrong_are_told(events, tmp_path):
    [found] = replay(changed(events, 6, predicted_mean=7.0, acquisition_value=1.0), tmp_path, 6)
    assert (found.verdict, found.why) == ("different", "acquisition_value, predicted_mean differ")


def test_another_stack_is_named_where_bits_differ(events, tmp_path):
    [found] = replay(changed(events, 6, predicted_mean=7.0, libraries={"torch": "1.0"}), tmp_path, 6)
    assert (found.verdict, found.why) == ("other stack", "predicted_mean differ; so do libraries")
    [same] = replay(changed(events, 6, libraries={"torch": "1.0"}), tmp_path, 6)
    assert (same.verdict, same.why) == ("same", "on another stack (libraries)")


def test_a_proposer_that_is_no_longer_there_is_told(events, tmp_path):
    defined = events[0].model_copy(
        update={"settings": {"proposer": {"kind": "python", "implementation": "gone:Proposer"}}}
    )
    found = list(replay([defined, *events[1:]], tmp_path))
    assert {each.verdict for each in found} == {"different"}
    assert "gone" in found[-1].why


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", str(folder / "campaign.yaml"), *arguments])


@pytest.mark.usefixtures("events")
def test_the_command_counts_what_it_found(tmp_path):
    done = run(tmp_path)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == "trial 2 same"
    assert done.output.splitlines()[-1] == f"{TRIALS - 1} same"
    nothing = run(tmp_path, "--trial", "1")
    assert nothing.exit_code == 1
    assert "expected a computed proposal of trial 1" in str(nothing.exception)


@pytest.mark.parametrize("as_of", ["0", "99999999999999999999", "noon", "1999-01-01T00:00"])
@pytest.mark.usefixtures("events")
def test_a_past_that_never_was_is_refused(tmp_path, as_of):
    done = CliRunner().invoke(app, ["trials", str(tmp_path / "campaign.yaml"), "--as-of", as_of])
    assert isinstance(done.exception, LedgerError)
    assert f"--as-of {as_of}: expected" in str(done.exception)


@pytest.mark.usefixtures("events")
def test_the_past_is_shown_as_it_was_known_then(tmp_path):
    def trials(*as_of: str) -> list[dict]:
        done = CliRunner().invoke(app, ["trials", str(tmp_path / "campaign.yaml"), "--format", "json", *as_of])
        return json.loads(done.output)

    assert len(trials()) == TRIALS
    # The definition, then each trial's proposal, start and result; the first one's result came last.
    assert [row["status"] for row in trials("--as-of", "8")] == ["running", "observed", "running"]
    assert [row["status"] for row in trials("--as-of", "2999-01-01")] == ["observed"] * TRIALS
