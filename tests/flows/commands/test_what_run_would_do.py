"""Without a controller at work, `check`, `status` and `run` agree about the effect of a run."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from overnight.campaign import Measurement
from overnight.campaign.errors import InvalidDefinition, LedgerDamaged
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptStarted,
    CampaignFinished,
    Event,
    LeaseTaken,
    TrialAbandoned,
    TrialObserved,
    TrialProposed,
)
from overnight.flows.api.run import run_campaign
from overnight.flows.cli import app
from overnight.flows.controller.shift import why_not_yet
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.host.clock import SystemClock
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import CONTROLLER
from overnight.flows.session.opening import open_campaign
from overnight.storage import open_ledger

NOW = SystemClock().now()
HEAT = {"kind": "float", "low": 0, "high": 1}
DEFINITION = {
    "name": "bread",
    "parameters": {"heat": HEAT},
    "minimize": "burnt",
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 4},
}
HOTTER = {"parameters": {"heat": HEAT | {"high": 2}}}
LATER = (datetime.now(UTC) + timedelta(hours=6)).replace(second=0, microsecond=0)
CLOSED = {"window": f"{LATER:%H:%M}–{LATER + timedelta(hours=1):%H:%M} UTC"}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    write({})


def write(changes: dict[str, Any]) -> None:
    Path("loaf.yaml").write_text(json.dumps(DEFINITION | changes))


def begin(*events: Event) -> Journal:
    """Write the campaign's definition from the file, and these events."""
    file = load_campaign_file("loaf.yaml")
    journal = Journal(open_ledger(file.ledger, file.campaign.name, Path()))

    async def work() -> None:
        await open_campaign(journal, file.campaign, file.settings(), SystemClock())
        if events:
            await journal.append(events)

    asyncio.run(work())
    return journal


def proposed(trial: int) -> TrialProposed:
    return TrialProposed(time=NOW, actor=CONTROLLER, trial=trial, point={"heat": 0.1}, generator="sobol")


def started(trial: int, actor: str = CONTROLLER) -> AttemptStarted:
    return AttemptStarted(time=NOW, actor=actor, trial=trial, attempt=1, key=f"bread/{trial}/1")


def abandoned(trial: int) -> TrialAbandoned:
    return TrialAbandoned(time=NOW, actor="ada", trial=trial, why="no time")


def failed(trial: int) -> AttemptFailed:
    return AttemptFailed(
        time=NOW, actor=CONTROLLER, trial=trial, attempt=1, cause="infrastructure", message="", will_retry=True
    )


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_a_new_campaign_is_valid_and_check_writes_nothing():
    assert "✓ loaf.yaml is valid. Run it with: overnight run loaf.yaml\n" in said("check", "loaf.yaml")
    assert [path.name for path in Path().iterdir()] == ["loaf.yaml"]


@pytest.mark.parametrize(
    ("events", "trial"),
    [
        ([proposed(1), started(1), failed(1)], 1),
        ([proposed(1), abandoned(1), proposed(2), abandoned(2)], 3),
    ],
)
def test_check_says_with_which_trial_a_campaign_goes_on(events, trial):
    begin(*events)
    assert f"is valid and continues with trial {trial}. Run it with" in said("check", "loaf.yaml")


def measured(*heats: float) -> list[Event]:
    """Return trials at these points, each with a result."""
    return [
        event
        for number, heat in enumerate(heats, start=1)
        for event in (
            TrialProposed(time=NOW, actor=CONTROLLER, trial=number, point={"heat": heat}, generator="sobol"),
            TrialObserved(time=NOW, actor="ada", trial=number, attempt=0, metrics={"burnt": Measurement(mean=heat)}),
        )
    ]


def next_points() -> str:
    [line] = [line for line in said("check", "loaf.yaml").splitlines() if line.startswith("next points")]
    return line.removeprefix("next points").strip()


def test_check_says_which_points_come_next_in_a_campaign_that_has_trials():
    write({"budget": {"trials": 30}, "baseline": {"heat": 0.1}})
    assert "1 from the file, 3 Sobol points, then the model's" in said("check", "loaf.yaml")
    journal = begin(*measured(0.1, 0.2))
    assert next_points() == "2 Sobol points, then the model's"
    asyncio.run(journal.append(measured(0.1, 0.2, 0.3, 0.4)[4:]))
    assert next_points() == "the model's"
    narrowed = {"parameters": {"heat": HEAT | {"low": 0.35}}, "budget": {"trials": 30}, "baseline": {"heat": 0.1}}
    write(narrowed)
    said("revise", "loaf.yaml", "--why", "too cold")
    assert next_points() == "Sobol points until 2 results lie in the space (now 1 of 4 results), then the model's"
    write(narrowed | {"baseline": {"heat": 0.5}})
    said("revise", "loaf.yaml", "--why", "another oven")
    assert next_points().startswith("1 from the file, Sobol points until 2 results")


def test_a_file_from_before_its_bounds_were_revised_is_no_other_campaign_and_check_says_what_holds():
    begin(proposed(1))
    write(HOTTER)
    said("revise", "loaf.yaml", "--why", "more heat")
    write({})
    assert "defines another campaign" not in said("status", "loaf.yaml")
    assert "continues with trial 1. Run it with: overnight run loaf.yaml\nCampaign `bread` was revised since" in said(
        "check", "loaf.yaml"
    )


def test_check_says_that_a_campaign_has_finished():
    begin(CampaignFinished(time=NOW, actor=CONTROLLER, epoch=1, reason="enough"))
    assert "is valid, and has finished. Its findings: overnight report loaf.yaml" in said("check", "loaf.yaml")
    write({"budget": {"trials": 5}})
    assert "is valid. Run it with" in said("check", "loaf.yaml")


@pytest.mark.parametrize(("changes", "advised"), [(HOTTER, True), ({"seed": 1}, False)])
def test_check_refuses_another_campaign_of_the_same_name_with_the_words_of_run(changes, advised):
    begin(proposed(1))
    assert "defines another campaign" not in said("status", "loaf.yaml")
    write(changes)
    refusals = []
    for command in ("check", "run"):
        with pytest.raises(InvalidDefinition) as refused:
            said(command, "loaf.yaml")
        refusals.append(refused.value.problems)
    assert refusals[0] == refusals[1]
    assert ("with `overnight revise loaf.yaml`:" in refusals[0][0]) == advised
    assert f"loaf.yaml defines another campaign, which this ledger refuses: {refusals[0][1]}\n" in said(
        "status", "loaf.yaml"
    )


def test_a_changed_evaluator_is_said_by_check_and_refused_where_the_file_says_so_as_by_run():
    Path("bake").write_text("#!/bin/sh\n")
    Path("bake").chmod(0o755)
    evaluator = {"evaluator": {"kind": "command", "command": ["./bake"]}}
    write(evaluator)
    begin(LeaseTaken(time=NOW, actor=CONTROLLER, epoch=1, host="h", pid=1, started="x:1", sources={"bake": "other"}))
    assert "The evaluator has changed since the ledger last saw it (changed: bake)" in said("check", "loaf.yaml")
    write(evaluator | {"evaluator_changed": "refuse"})
    refusals = []
    for command in ("check", "run"):
        with pytest.raises(InvalidDefinition) as refused:
            said(command, "loaf.yaml")
        refusals.append(refused.value.problems)
    assert refusals[0] == refusals[1]
    assert "`evaluator_changed`" in refusals[0][0]


def test_a_damaged_ledger_is_refused_by_check_as_by_run():
    begin(proposed(1))
    next(Path("ledger").rglob("*1.parquet")).unlink()
    with pytest.raises(LedgerDamaged):
        said("check", "loaf.yaml")


def test_a_ledger_that_cannot_be_reached_makes_no_file_invalid(monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    write({"ledger": "s3://tuning/ledgers"})
    told = "is valid. Whether it has finished is unknown, because its ledger cannot be read from here: "
    assert told in said("check", "loaf.yaml")


def test_a_local_ledger_that_cannot_be_one_is_refused_by_check_as_by_run():
    write({"ledger": "loaf.yaml"})
    with pytest.raises(InvalidDefinition, match=r"^loaf.yaml:\d+: ledger: expected a folder, but .* is not one"):
        said("check", "loaf.yaml")


def test_outside_of_its_window_run_says_when_it_opens_and_begins_nothing():
    write(CLOSED)
    line = f"outside the window {CLOSED['window']}; it opens {LATER:%a %Y-%m-%d %H:%M} UTC"
    assert said("run", "loaf.yaml").splitlines()[1:] == [f"{line} (at any time: overnight run --now loaf.yaml)"]
    found = run_campaign("loaf.yaml")
    assert (found.not_yet, found.recommendation, found.history.defined) == (line, None, None)
    assert [path.name for path in Path().iterdir()] == ["loaf.yaml"]


def test_outside_of_its_window_run_writes_nothing_into_a_ledger_that_is_there():
    write(CLOSED)
    before = begin(proposed(1), started(1), failed(1)).history
    said("run", "loaf.yaml")
    assert run_campaign("loaf.yaml").history == before
    assert "is valid and continues with trial 1" in said("check", "loaf.yaml")


@pytest.mark.parametrize(
    ("events", "waits"),
    [
        ([], True),
        ([proposed(1)], True),
        ([proposed(1), started(1)], False),
        ([proposed(1), started(1), failed(1)], True),
        # The attempt of an abandoned trial may still be running.
        ([proposed(1), started(1), abandoned(1)], False),
        ([proposed(1), started(1, "ada")], True),
    ],
)
def test_outside_of_the_window_only_what_a_controller_left_running_needs_another_one(events, waits):
    write(CLOSED)
    campaign, history = load_campaign_file("loaf.yaml").campaign, begin(*events).history
    for before, closed in ((timedelta(minutes=2), waits), (timedelta(minutes=1), False), (timedelta(), False)):
        assert (why_not_yet(campaign, history, LATER - before) is not None) == closed


def test_the_window_that_counts_is_that_of_the_file():
    write(CLOSED)
    history = begin().history
    write({})
    assert why_not_yet(load_campaign_file("loaf.yaml").campaign, history, NOW) is None
