"""A recorded recommendation is shown by every reader, without the model, and computed only if it no longer holds."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from recommendations import recommendation
from typer.testing import CliRunner

from overnight.bo_core.proposer import BayesianProposer
from overnight.campaign.history.events import RecommendationMade
from overnight.campaign.recommendation import Recommendation
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.api.background_loop import run_in_background
from overnight.flows.cli import app
from overnight.flows.rules.recommending import recommendation_of
from overnight.storage import open_ledger

FOUND = recommendation(trial=2, mean=0.25, sd=0.01, probability_best=0.75, point={"x": 0.5, "p_mode": "b"})
UNMEASURED = FOUND.model_copy(update={"trial": None, "point": {"x": 0.125, "p_mode": "a"}})
PROGRAM = "import sys; from overnight.flows.cli import app; sys.argv[1:] = {}\ntry: app()\nexcept SystemExit: pass\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the file of a campaign with two results."""
    path = tmp_path / "campaign.yaml"
    definition = {
        "name": "own-loop",
        "parameters": {
            "x": {"kind": "float", "low": 0, "high": 1},
            "p_mode": {"kind": "categorical", "choices": ["a", "b"]},
        },
        "minimize": "loss",
        "evaluator": {"kind": "command", "command": ["true"]},
        "budget": {"trials": 3},
        "ledger": str(tmp_path / "ledger"),
    }
    path.write_text(json.dumps(definition))
    campaign = AskTell(path)
    for loss in (1.0, 0.3):
        campaign.tell(campaign.ask(), loss)
    return path


def record(file: Path, found: Recommendation) -> None:
    """Append a recommendation that no model would make, so that a computed one is noticed."""
    ledger = open_ledger(str(file.parent / "ledger"), "own-loop", Path())
    segments = run_in_background(ledger.read())
    seen = sum(len(segment.events) for segment in segments)
    time = datetime(2026, 3, 1, 6, 30, tzinfo=UTC)
    made = RecommendationMade(time=time, actor="controller", events_seen=seen, recommendation=found)
    run_in_background(ledger.append([made], after=len(segments)))


def asked(*arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def best(file: Path) -> dict[str, Any]:
    return json.loads(asked("status", str(file), "--format", "json"))["best"]["recommended"]


def test_status_and_report_say_from_when_it_is(file, tmp_path):
    assert best(file) is None
    record(file, FOUND)
    found, seen = best(file), AskTell(file).history.evidence_until
    assert (found["trial"], found["mean"], found["recorded"]["events_seen"]) == (2, 0.25, seen)
    when = f"recorded 2026-03-01 06:30 UTC, from the first {seen} events"
    assert f"recommended (trial 2): loss 0.250 ± 0.010; {when}\n" in asked("status", str(file)).replace("\u00a0", " ")
    asked("report", str(file), "--output", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    assert when in page
    assert "loss 0.250\u00a0±\u00a00.010" in page


def test_an_unmeasured_point_is_in_the_json_with_the_best_measured_trial(file):
    record(file, UNMEASURED)
    found = best(file)
    assert (found["trial"], found["point"], found["best_measured"]) == (None, {"x": 0.125, "p_mode": "a"}, 2)
    assert "recommended (not measured; the best measured is trial 2)" in asked("status", str(file))


def test_a_result_outdates_it_and_the_report_computes_another(file, tmp_path):
    record(file, FOUND)
    campaign = AskTell(file)
    assert recommendation_of(campaign.history, BayesianProposer()) == FOUND
    campaign.tell(campaign.ask(), 0.2)
    assert best(file) is None
    computed = recommendation_of(campaign.history, BayesianProposer())
    assert computed not in (None, FOUND)
    asked("report", str(file), "--output", str(tmp_path / "page.html"))
    assert "computed now from all events" in (tmp_path / "page.html").read_text()


def test_a_query_finds_every_recorded_one(file):
    record(file, FOUND)
    record(file, UNMEASURED)
    rows = json.loads(asked("query", "from recommendations", str(file), "--format", "json"))
    assert [(row["trial"], row["best_measured"], row["x"], row["p_mode"]) for row in rows] == [
        (2, 2, 0.5, "b"),
        (None, 2, 0.125, "a"),
    ]
    assert {(row["metric"], row["mean"], row["sd"], row["probability_best"]) for row in rows} == {
        ("loss", 0.25, 0.01, 0.75)
    }
    assert {row["made"] for row in rows} == {"2026-03-01T06:30:00+00:00"}


@pytest.mark.slow
def test_what_shows_a_recorded_one_without_its_model_imports_no_torch(file):
    record(file, FOUND)
    for command in (["trials", str(file)], ["status", str(file)]):
        program = PROGRAM.format(command) + "print('torch' in sys.modules)"
        found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert found.stdout.splitlines()[-1] == "False", found.stdout
