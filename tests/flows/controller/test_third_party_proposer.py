"""A third party's proposer, from a campaign file to the report."""

import asyncio
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standing import story_about

from overnight.bo_core.recommend import recommend
from overnight.campaign.errors import CannotPropose, InvalidDefinition
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.commands.start.describe import describe
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.report.html import render_report
from overnight.report.tables import trial_rows
from overnight.storage import open_ledger

CAMPAIGN = """\
name: theirs
parameters:
  x: {kind: float, low: -5, high: 10}
minimize: value
evaluator: {kind: simulated, function: levy}
proposer:
  kind: python
  implementation: halving_for_tests:Halving
  settings: {wide: 5.0}
workers: 2
budget: {trials: 12}
baseline: {x: 0}
"""

_GUIDE = Path(__file__).parents[3].joinpath("docs", "how-to", "own-proposer.md").read_text()
[HALVING] = re.findall(r"```python\n(import random\n.*?)```", _GUIDE, re.DOTALL)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "halving_for_tests.py").write_text(HALVING)
    path = tmp_path / "campaign.yaml"
    path.write_text(CAMPAIGN)
    yield path
    # The module of the next test has the same name and is in another folder.
    sys.modules.pop("halving_for_tests", None)


def change(path: Path, before: str, after: str) -> None:
    path.write_text(path.read_text().replace(before, after))


async def run(file: CampaignFile):
    ledger = open_ledger(file.ledger, file.campaign.name, Path())
    job = Job(file.campaign, file.evaluator, file.proposer, ledger, Path(file.work), settings=file.settings())
    return await run_loop(job, PlainSteps(), SystemClock(), StopRequest())


async def test_a_campaign_runs_with_the_class_that_stands_beside_its_file(path: Path):
    file = load_campaign_file(path)
    await file.check()
    await run(file)
    # Read the history back from the ledger.
    history = await asyncio.to_thread(lambda: AskTell(path).history)
    generators = [t.proposal.generator for t in history.trials.values()]
    assert generators == ["baseline"] + ["custom"] * 11
    assert len(history.model_view().observed) == 12
    provenance = history.trials[5].proposal.provenance
    assert provenance is not None
    assert provenance.made_by.proposer == "halving_for_tests:Halving"
    found = recommend(file.campaign, history)
    assert {row["generator"] for row in trial_rows(history)} == {"baseline", "custom"}
    page = render_report(history, story_about(history, recommendation=found, now=datetime(2026, 1, 1, tzinfo=UTC)))
    assert "custom" in page


def test_the_folder_of_the_file_is_not_among_the_settings_that_are_kept(path: Path):
    file = load_campaign_file(path)
    assert file.proposer.folder == path.parent
    expected = {"kind": "python", "implementation": "halving_for_tests:Halving", "settings": {"wide": 5.0}}
    assert file.settings()["proposer"] == expected
    assert CampaignFile.model_validate(file.model_dump(mode="json")) == file


async def test_a_class_that_is_not_there_is_said_before_anything_is_tried(path: Path):
    change(path, ":Halving", ":Doubling")
    with pytest.raises(InvalidDefinition, match="expected a class `Doubling` in `halving_for_tests`, found `Halving`"):
        await load_campaign_file(path).check()


def test_a_name_without_a_class_is_a_problem_of_the_file(path: Path):
    change(path, ":Halving", "")
    with pytest.raises(InvalidDefinition, match=r"campaign.yaml:8: proposer.implementation: .*`package.module:Class`"):
        load_campaign_file(path)


async def test_a_class_that_proposes_nonsense_stops_the_campaign_with_a_paragraph_about_it(path: Path):
    change(path.parent / "halving_for_tests.py", "for point in points]", "for point in points[1:]]")
    with pytest.raises(
        CannotPropose, match=r"`halving_for_tests:Halving` returned .* expected 1 proposals, .* found 0"
    ):
        await run(load_campaign_file(path))


def test_the_description_names_the_class(path: Path):
    rest = describe(load_campaign_file(path), datetime.now(UTC)).renderables[-1]
    told = [str(cell) for column in rest.columns for cell in column.cells]
    assert "python halving_for_tests:Halving" in told
    assert "1 from the file, then the proposer's own" in told
