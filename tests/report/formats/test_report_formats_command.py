"""`overnight report` writes a page, and prints JSON and Markdown unless a file is named."""

import asyncio
import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from command_line import overnight_here
from told_stories import Story

from overnight.campaign.history.events import LeaseTaken
from overnight.flows.host.identity import process_started
from overnight.report.tables import trial_rows
from overnight.storage import open_ledger

FILE = """name: rates
parameters:
  rate: {kind: float, low: 0.0001, high: 1, scale: log}
minimize: loss
evaluator: obj:evaluate
budget: {trials: 1000}
"""


@pytest.fixture
def story(tmp_path: Path) -> Story:
    (tmp_path / "campaign.yaml").write_text(FILE)
    told = Story().tried(1, 0, 1.5, 0.1).tried(2, 1, 1.25, 0.1).proposed(3, 2).started(3, 2)
    told.failed(3, 3, message="\x1b[2Jno|<b>").finished(4)
    asyncio.run(open_ledger("ledger", "rates", tmp_path).append(told.events, after=0))
    return told


def printed(folder: Path, *arguments: str) -> str:
    return overnight_here(folder, "report", "ledger/rates", *arguments).stdout


def test_json_is_printed_with_the_rows_of_overnight_trials(tmp_path: Path, story: Story):
    found = json.loads(printed(tmp_path, "--format", "json"))
    assert found["trials"] == trial_rows(story.history)
    assert found["trials"] == json.loads(overnight_here(tmp_path, "trials", "ledger/rates", "--format", "json").stdout)
    assert found["story"]["best"]["measured"]["trial"] == 2


def test_markdown_is_printed_and_cannot_steer_the_terminal(tmp_path: Path, story: Story):
    text = printed(tmp_path, "--format", "markdown")
    assert text.startswith("# rates\n\n**loss ")
    assert "\x1b" not in text
    assert "no\\|&lt;b&gt;" in text


def test_a_dash_is_the_standard_output(tmp_path: Path, story: Story):
    assert printed(tmp_path, "--output", "-").startswith("<!doctype html>")
    assert printed(tmp_path, "--output", "-", "--format", "json").startswith("{")
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize(
    ("name", "beginning"), [("r.json", "{"), ("r.md", "# rates"), ("r.MD", "# rates"), ("r.html", "<!"), ("r", "<!")]
)
def test_the_ending_of_the_output_decides_about_the_format(tmp_path: Path, story: Story, name: str, beginning: str):
    assert f"report: {name}" in printed(tmp_path, "--output", name)
    assert (tmp_path / name).read_text().startswith(beginning)


def test_a_named_format_comes_before_the_ending(tmp_path: Path, story: Story):
    printed(tmp_path, "--output", "r.txt", "--format", "json")
    assert json.loads((tmp_path / "r.txt").read_text())["campaign"] == "rates"


def test_the_page_is_still_the_default_and_goes_into_a_file(tmp_path: Path, story: Story):
    assert "report: rates-report.html" in printed(tmp_path)
    assert (tmp_path / "rates-report.html").read_text().startswith("<!doctype html>")


def test_a_page_of_the_past_needs_a_file_but_the_other_formats_do_not(tmp_path: Path, story: Story):
    failed = overnight_here(tmp_path, "report", "ledger/rates", "--as-of", "5", code=None)
    assert failed.returncode == 1
    assert "--output" in failed.stderr
    found = json.loads(printed(tmp_path, "--format", "json", "--as-of", "5"))
    assert found["story"]["events"] <= 5
    assert len(found["trials"]) == 1


def test_a_report_of_the_past_shows_the_same_state_as_the_status_of_then(tmp_path: Path, story: Story):
    # Its controller was a process of this machine that has ended since.
    started = process_started(os.getpid())
    assert started is not None
    ended = {"host": os.uname().nodename, "pid": 2**22, "started": started}
    events = [e.model_copy(update=ended) if isinstance(e, LeaseTaken) else e for e in story.events[:-1]]
    asyncio.run(open_ledger("begun", "rates", tmp_path).append(events, after=0))
    states = [
        json.loads(overnight_here(tmp_path, command, "begun/rates", "--format", "json", *past).stdout)
        for past in ([], ["--as-of", "5"])
        for command in ("status", "report")
    ]
    found = [(each.get("story") or each)["standing"]["state"] for each in states]
    assert found == ["interrupted", "interrupted", "running", "running"]


@pytest.mark.parametrize("after", [None, timedelta(seconds=0.25)])
def test_the_past_is_timed_until_then_and_not_until_now(tmp_path: Path, story: Story, after: timedelta | None):
    known = story.events[:5]
    then = known[-1].time + (after or timedelta())
    as_of = "5" if after is None else then.isoformat()
    for command in ("status", "report"):
        done = overnight_here(tmp_path, command, "ledger/rates", "--format", "json", "--as-of", as_of)
        found = json.loads(done.stdout)
        found = found.get("story") or found
        assert datetime.fromisoformat(found["now"]) == then
        assert found["spent"]["seconds_at_work"] == pytest.approx((then - known[0].time).total_seconds(), abs=1.0)
