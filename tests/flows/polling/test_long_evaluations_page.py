"""The campaigns of the page on evaluations that last for days run from their files."""

from pathlib import Path

import pytest
from fenced_blocks import REPOSITORY, blocks

from overnight.flows.assembly import followed, job_of, placed, proposers
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.definition.campaign_file import load_campaign_file, read_campaign
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.storage import MemoryLedger

PAGE = REPOSITORY / "docs" / "how-to" / "long-evaluations.md"
FILE = {
    "name": "small",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "evaluator": "objective:evaluate",
    "budget": {"trials": 4},
}
AB_TEST = {"kind": "ab_test", "arms": 2, "baseline": {"x": 0.5}, "traffic": {"per_batch": 100}}


@pytest.mark.parametrize(("name", "metric"), [("prices.yaml", "earnings"), ("sales.yaml", "earnings")])
async def test_a_campaign_of_the_page_runs_from_its_file(name, metric, tmp_path, monkeypatch):
    for block in blocks(PAGE.read_text()):
        if block.saved_as:
            (tmp_path / block.saved_as).write_text(block.text)
    monkeypatch.chdir(tmp_path)
    file, clock = load_campaign_file(Path(name)), SystemClock()
    await file.check()
    async with placed(file) as evaluator, proposers(file) as asked:
        job = job_of(file, MemoryLedger(), followed(file, evaluator, clock, print), asked, ignore_window=False)
        history = await run_loop(job, PlainSteps(), clock, StopRequest())
    assert [trial.status for trial in history.trials.values()] == ["observed", "observed"]
    assert all(trial.attempts[-1].handle for trial in history.trials.values())
    assert all(metric in trial.measured for trial in history.trials.values())
    assert len(list((tmp_path / "shop").iterdir() if name == "prices.yaml" else tmp_path.glob("sale-*"))) == 2


def test_the_file_says_how_often_to_look():
    key = {"evaluator": {"function": "objective:evaluate", "polled": {"every": "2h"}}}
    found = [read_campaign(FILE | changes).polling for changes in ({}, key, AB_TEST, AB_TEST | key)]
    asked = [None if each is None else (each.every.total_seconds(), each.at_most.days) for each in found]
    assert asked == [None, (7200, 30), (86400, 30), (7200, 30)]


def test_a_campaign_that_began_without_the_key_has_the_same_settings():
    assert "polled" not in read_campaign(FILE).settings()["evaluator"]
