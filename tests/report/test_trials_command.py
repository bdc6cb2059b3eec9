"""`overnight trials` for people: few trials in a frame, many in plain columns, and the reasons for failures."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from limited_stories import limited
from told_stories import POINT, Story, campaign_of

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
