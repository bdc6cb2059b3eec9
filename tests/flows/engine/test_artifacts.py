"""The artifacts of a campaign, for Prefect to show."""

import base64
import re
from pathlib import Path

import pytest
from front_stories import several
from happening_events import NOW, defined, lease, measured

from overnight.campaign import History
from overnight.flows.engine.artifacts import artifacts_of, key_of


def shown(history: History, report: Path | None = None) -> dict[str, object]:
    return {picture.name: picture.data for picture in artifacts_of(history, NOW, report)}


def test_progress_is_the_share_of_the_budgets_trials_that_have_ended():
    history = defined().extended([lease()])
    assert shown(history)["progress"] == 0.0
    assert shown(history.extended(measured(1, 0.5)))["progress"] == 20.0


def test_there_is_no_picture_of_a_course_before_anything_was_observed():
    assert set(shown(defined())) == {"progress", "trials"}


def test_the_newest_trials_come_first_and_long_tables_say_what_they_leave_out():
    events = [event for trial in range(1, 251) for event in measured(trial, 1.0 / trial)]
    table = str(shown(defined(budget={"trials": 400}).extended(events))["trials"]).splitlines()
    assert table[2].startswith("| 250 | observed |")
    assert table[-1] == "The newest 200 of 250; `overnight trials` lists them all."
    assert len({line.count("|") for line in table[:202]}) == 1


def test_what_people_write_changes_neither_the_table_nor_the_picture():
    metric = "a|b<script>"
    data = shown(defined(minimize=metric).extended(measured(1, 0.5, metric)))
    assert r"a\|b&lt;script&gt;" in str(data["trials"]).splitlines()[0]
    picture = base64.b64decode(str(data["trace"]).partition("base64,")[2].rstrip(")")).decode()
    assert "<script>" not in picture


def test_of_two_objectives_the_front_is_a_picture_of_its_own():
    history = several().history
    data = shown(history)
    assert {"front", "trace"} <= set(data)
    assert "on the front as measured: 3 configurations" in str(
        next(picture.description for picture in artifacts_of(history, NOW) if picture.name == "progress")
    )


def test_the_report_is_linked_and_its_path_can_be_copied(tmp_path):
    report = tmp_path / "test-report.html"
    link = str(shown(defined(), report)["report"])
    assert f"]({report.as_uri()})" in link
    assert f"`{report}`" in link


@pytest.mark.parametrize("name", ["plain", "With.Dots_and-Dashes", "9", "a..b"])
def test_every_campaigns_name_makes_a_key_that_prefect_takes(name):
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", key_of(name, "progress"))
