"""`overnight trials` for people: few trials in a frame, many in plain columns, and the reasons for failures."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from front_stories import front_believed, several
from limited_stories import limited
from told_stories import POINT, Story, at, campaign_of

from overnight.campaign.errors import Refused
from overnight.campaign.history.events import RecommendationMade
from overnight.flows.commands.read.trials import trials
from overnight.storage import open_ledger

FILE = """name: rates
parameters:
  rate: {kind: float, low: 0.0001, high: 1, scale: log}
minimize: loss
evaluator: obj:evaluate
budget: {trials: 1000}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    Path("campaign.yaml").write_text(FILE)
    return tmp_path


def told(count: int) -> Story:
    story = Story(campaign_of(budget={"trials": 1000}, baseline=None))
    for i in range(1, count + 1):
        story.tried(i, i, 1.0 / i, point=POINT | {"mode": "slow"})
    story.proposed(count + 1, count + 1).started(count + 1, count + 1)
    return story.failed(count + 1, count + 2, message="ValueError: \x1b[2J[red]no[/red]\nat line 3")


@pytest.mark.parametrize("count", [3, 600])
@pytest.mark.usefixtures("folder")
def test_every_trial_has_a_line_and_failures_say_why(count: int, capsys: pytest.CaptureFixture[str]):
    asyncio.run(open_ledger("ledger", "rates", Path()).append(told(count).events, after=0))
    trials(Path("campaign.yaml"), "table", None)
    printed = capsys.readouterr().out
    numbers = [int(found) for found in re.findall(r"^[ │]*(\d+) +(?:│ )?(?:observed|failed)", printed, re.MULTILINE)]
    assert numbers == [*range(1, count + 2)]
    assert f"trial {count + 1} failed (evaluator error): ValueError: \\x1b[2J[red]no[/red]" in printed.splitlines()
    assert ("┃" in printed) == (count == 3)
    if count > 3:
        lines = printed.splitlines()[: count + 2]
        assert {line.index("rate=") for line in lines[1:]} == {lines[0].index("point")}, "columns are aligned"


@pytest.mark.parametrize("count", [3, 600])
@pytest.mark.usefixtures("folder")
def test_points_of_many_parameters_are_readable_on_a_narrow_terminal(
    count: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "80")
    point = {f"parameter_{i}": i / 7 for i in range(30)}
    parameters = {name: {"kind": "float", "low": 0, "high": 9} for name in point}
    story = Story(campaign_of(budget={"trials": 1000}, baseline=None, parameters=parameters))
    for i in range(1, count + 1):
        story.tried(i, i, 1.0 / i, point=point)
    asyncio.run(open_ledger("ledger", "rates", Path()).append(story.events, after=0))
    trials(Path("campaign.yaml"), "table", None)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:-1])) <= 80
    assert [int(line.split()[-1]) for line in lines if line.startswith("trial ")] == [*range(1, count + 1)]
    for name in point:
        assert sum(f" {name}=" in line for line in lines) == count


LIMITED = """name: rates
parameters:
  rate: {kind: float, low: 0.0001, high: 1, scale: log}
minimize: loss
constraints: [p99_ms <= 15, errors <= 2 * baseline]
evaluator: obj:evaluate
budget: {trials: 1000}
baseline: {rate: 0.1}
"""


@pytest.fixture
def limited_ledger(folder: Path) -> None:
    Path("campaign.yaml").write_text(LIMITED)
    rows = [
        {"loss": 3.0, "p99_ms": 14, "errors": 1},
        {"loss": 1.0, "p99_ms": 16, "errors": 3},
        {"loss": 2.0, "errors": 1},
        {"loss": 2.5, "p99_ms": 15, "errors": 2},
        {},
    ]
    asyncio.run(open_ledger("ledger", "rates", folder).append(limited(rows).events, after=0))


@pytest.mark.usefixtures("limited_ledger")
def test_trials_of_a_campaign_with_constraints_are_marked_with_the_metrics_beyond_their_limits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "160")
    trials(Path("campaign.yaml"), "table", None)
    lines = capsys.readouterr().out.splitlines()
    cells = {int(parts[1]): parts[4].strip() for line in lines if len(parts := line.split("│")) > 5}
    assert cells == {1: "yes", 2: "no: p99_ms, errors", 3: "no: p99_ms missing", 4: "yes", 5: ""}


@pytest.mark.usefixtures("limited_ledger")
def test_programs_get_the_verdict_and_the_unmet_constraints(capsys: pytest.CaptureFixture[str]):
    trials(Path("campaign.yaml"), "json", None)
    found = [(row["feasible"], row["unmet"]) for row in json.loads(capsys.readouterr().out)]
    both = "p99_ms <= 15; errors <= 2 * baseline"
    assert found == [(True, None), (False, both), (False, "p99_ms <= 15 (missing)"), (True, None), (None, None)]


@pytest.mark.usefixtures("limited_ledger")
def test_the_best_trials_are_the_feasible_ones_the_best_first(capsys: pytest.CaptureFixture[str]):
    for count, expected in ((1, [4]), (9, [4, 1])):
        trials(Path("campaign.yaml"), "json", None, count)
        assert [row["trial"] for row in json.loads(capsys.readouterr().out)] == expected


@pytest.mark.usefixtures("folder")
def test_without_constraints_the_best_trials_are_those_with_the_best_results(capsys: pytest.CaptureFixture[str]):
    asyncio.run(open_ledger("ledger", "rates", Path()).append(told(3).events, after=0))
    trials(Path("campaign.yaml"), "csv", None, 2)
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == ["trial", "3", "2"]


TWO = [{"minimize": "loss"}, {"maximize": "gain"}]
FRONT = """name: rates
parameters:
  rate: {kind: float, low: 0.0001, high: 1, scale: log}
objectives: [{minimize: loss}, {maximize: gain}]
evaluator: obj:evaluate
budget: {trials: 1000}
"""


@pytest.fixture
def ledger_with_a_front(folder: Path) -> None:
    Path("campaign.yaml").write_text(FRONT)
    rows = [(3.0, 9.0), (1.0, 1.0), (2.0, 8.0), (2.5, 7.0), (2.0, 8.0)]
    story = several([*({"loss": loss, "gain": gain} for loss, gain in rows), {}], objectives=TWO)
    asyncio.run(open_ledger("ledger", "rates", folder).append(story.events, after=0))


def cells_of(printed: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in parts[1:-1]] for line in printed.splitlines() if len(parts := line.split("│")) > 5
    ]


@pytest.mark.usefixtures("ledger_with_a_front")
def test_trials_of_several_objectives_show_all_of_them_and_which_are_on_the_front(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "160")
    trials(Path("campaign.yaml"), "table", None)
    printed = capsys.readouterr().out
    assert re.findall(r"loss|gain|front|took", printed.splitlines()[1]) == ["loss", "gain", "front", "took"]
    assert [(row[0], *row[2:5]) for row in cells_of(printed)] == [
        ("1", "3", "9", "yes"),
        ("2", "1", "1", "yes"),
        ("3", "2", "8", "yes"),
        ("4", "2.5", "7", ""),
        ("5", "2", "8", "yes"),
        ("6", "", "", ""),
    ]


@pytest.mark.usefixtures("ledger_with_a_front")
def test_the_front_alone_has_the_best_in_the_first_objective_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "160")
    trials(Path("campaign.yaml"), "table", None, front=True)
    printed = capsys.readouterr().out
    assert [(row[0], *row[2:4]) for row in cells_of(printed)] == [
        ("2", "1", "1"),
        ("3", "2", "8"),
        ("5", "2", "8"),
        ("1", "3", "9"),
    ]
    assert "front" not in printed
    assert "failed" not in printed
    trials(Path("campaign.yaml"), "json", None, front=True)
    rows = json.loads(capsys.readouterr().out)
    assert [(row["trial"], row["loss"], row["gain"], row["on_front"]) for row in rows] == [
        (2, 1.0, 1.0, True),
        (3, 2.0, 8.0, True),
        (5, 2.0, 8.0, True),
        (1, 3.0, 9.0, True),
    ]


@pytest.mark.usefixtures("ledger_with_a_front")
def test_the_front_as_of_an_earlier_event_is_that_of_the_results_until_then(capsys: pytest.CaptureFixture[str]):
    trials(Path("campaign.yaml"), "json", "8", front=True)
    assert [row["trial"] for row in json.loads(capsys.readouterr().out)] == [2, 1]


@pytest.mark.usefixtures("folder")
def test_a_recorded_recommendation_is_named_below_the_front(capsys: pytest.CaptureFixture[str]):
    Path("campaign.yaml").write_text(FRONT)
    story = several([{"loss": 3.0, "gain": 9.0}, {"loss": 1.0, "gain": 1.0}], objectives=TWO)
    about: dict[str, Any] = {"time": at(9), "actor": "c", "events_seen": len(story.events)}
    story.events.append(RecommendationMade(**about, recommendation=front_believed(story, 2)))
    asyncio.run(open_ledger("ledger", "rates", Path()).append(story.events, after=0))
    trials(Path("campaign.yaml"), "table", None, front=True)
    assert capsys.readouterr().out.splitlines()[-1] == "recommended: trial 2; why: overnight status"
    trials(Path("campaign.yaml"), "table", None)
    assert "recommended" not in capsys.readouterr().out


@pytest.mark.usefixtures("ledger_with_a_front")
def test_several_objectives_have_no_best_trials(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(Refused, match=r"--best: campaign `rates` has several objectives, .* with --pareto\."):
        trials(Path("campaign.yaml"), "table", None, 3)
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("folder")
def test_the_front_of_one_objective_holds_the_best_results(capsys: pytest.CaptureFixture[str]):
    asyncio.run(open_ledger("ledger", "rates", Path()).append(told(3).events, after=0))
    trials(Path("campaign.yaml"), "csv", None, front=True)
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == ["trial", "3"]
