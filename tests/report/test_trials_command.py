"""`overnight trials` for people: few trials in a frame, many in plain columns, and the reasons for failures."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
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
