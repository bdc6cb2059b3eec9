"""A trial that lacks a parameter is shown without it."""

import pytest
from recommendations import recommendation
from standing import finding_lines, story_about
from told_stories import POINT, Story, at, campaign_of

from overnight.campaign import Point
from overnight.report.html import render_report
from overnight.report.pictures.charts import Pictures
from overnight.report.tables import trial_rows
from overnight.report.trial_facts import cell, cell_text, point_text
from overnight.report.trial_lines import trial_lines

WITHOUT: Point = {name: value for name, value in POINT.items() if name != "depth"}


@pytest.fixture
def story() -> Story:
    return Story(campaign_of(baseline=None)).tried(1, 0, mean=1.0).tried(2, 1, mean=2.0, point=WITHOUT)


def test_a_missing_value_is_none_and_no_text(story: Story):
    trial = story.history.trials[2]
    assert (cell(trial, "depth"), cell_text(trial, "depth")) == (None, "")
    assert point_text(trial, POINT) == "rate=0.01, mode=fast, cache=true"
    assert (cell(trial, "cache"), cell_text(trial, "cache")) == (True, "true")


def test_tables_have_an_empty_cell(story: Story):
    table = trial_lines(story.history)
    place = table["headings"].index("depth") - 2
    assert [line["cells"][place] for line in table["lines"]] == ["2", ""]
    assert [row["depth"] for row in trial_rows(story.history)] == [2, None]


def test_charts_leave_the_trial_out_of_the_parameters_picture(story: Story):
    pictures = Pictures(story.history, recommended=None)
    [points] = [trace for trace in pictures.parameter("depth")["data"] if trace["mode"] == "markers"]
    assert points["x"] == [2]


def test_a_recommended_point_without_a_parameter_is_shown(story: Story):
    found = recommendation(trial=2, point=WITHOUT, mean=2.0, sd=0.1, probability_best=0.5)
    lines = finding_lines(story.history, found)
    assert any(line.startswith("  rate") for line in lines)
    assert not any(line.startswith("  depth") for line in lines)
    told = story_about(story.history, recommendation=found, now=at(9), ledger="ledger")
    assert "Recommended configuration (trial 2)" in render_report(story.history, told)
