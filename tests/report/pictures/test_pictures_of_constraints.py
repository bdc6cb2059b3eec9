"""Pictures of a campaign with constraints: infeasible trials are hollow, and the line knows feasible ones only."""

import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from limited_stories import limited
from told_stories import HOSTILE, Story

from overnight.report.pictures.charts import Pictures
from overnight.report.pictures.trace_picture import trace_picture

SVG = "{http://www.w3.org/2000/svg}"
TEXTS = ["p99_ms <= 15"]
# Trials 1, 3 and 4 are infeasible, the last one because it lacks the metric.
MIXED = [
    {"loss": 1.0, "p99_ms": 16.0},
    {"loss": 4.0, "p99_ms": 14.0},
    {"loss": 2.0, "p99_ms": 15.5},
    {"loss": 0.5},
    {"loss": 3.0, "p99_ms": 15.0},
]


def lines_of(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in figure["data"] if trace["mode"] == "lines"}


def hollow(figure: dict[str, Any]) -> set[int]:
    """Return the trials whose points are hollow in a picture over the trials' numbers."""
    found = set[int]()
    for trace in figure["data"]:
        symbols = trace.get("marker", {}).get("symbol")
        if isinstance(symbols, list):
            found |= {x for x, symbol in zip(trace["x"], symbols, strict=True) if symbol.endswith("-open")}
    return found


def svg_of(story: Story) -> ElementTree.Element:
    picture = trace_picture(story.history)
    assert picture is not None
    return ElementTree.fromstring(picture)


def test_infeasible_trials_are_hollow_and_the_best_so_far_is_that_of_the_feasible_ones():
    course = Pictures(limited(MIXED, TEXTS).history, None).course()
    assert hollow(course) == {1, 3, 4}
    line = lines_of(course)["best feasible measured so far"]
    assert list(zip(line["x"], line["y"], strict=True)) == [(2, 4.0), (3, 4.0), (4, 4.0), (5, 3.0)]


def test_a_point_of_an_infeasible_trial_says_why():
    labels = [
        label
        for trace in Pictures(limited(MIXED, TEXTS).history, None).course()["data"][1:]
        for label in trace["hovertext"]
    ]
    assert sum("infeasible: p99_ms &lt;= 15 (15.5)" in label for label in labels) == 1
    assert sum("infeasible: p99_ms &lt;= 15 (missing)" in label for label in labels) == 1
    assert sum("infeasible" in label for label in labels) == 3


def test_without_a_feasible_trial_there_is_no_line():
    pictures = Pictures(limited(MIXED[:1], TEXTS).history, None)
    assert not pictures.has_line
    assert lines_of(pictures.course()) == {}
    assert list(svg_of(limited(MIXED[:1], TEXTS)).iter(f"{SVG}path")) == []


def test_a_metric_of_a_constraint_is_drawn_with_its_present_limits():
    story = limited(MIXED, ["10 <= p99_ms <= 1.5 * baseline"])
    figure = Pictures(story.history, None).limit("p99_ms")
    assert {name: set(line["y"]) for name, line in lines_of(figure).items()} == {
        "at least 10": {10},
        "at most 24": {24},
    }
    drawn = {
        x: y
        for trace in figure["data"]
        if trace["mode"] == "markers"
        for x, y in zip(trace["x"], trace["y"], strict=True)
    }
    assert all("p99_ms" in label.split("<br>")[1] for t in figure["data"] for label in t.get("hovertext", ()))
    assert drawn == {trial: row["p99_ms"] for trial, row in enumerate(MIXED, 1) if "p99_ms" in row}


def test_a_limit_that_is_unknown_is_no_line_and_trials_that_it_may_allow_are_not_hollow():
    story = limited([{}, *MIXED], ["p99_ms <= 1.5 * baseline", "p99_ms <= 15.5"])
    figure = Pictures(story.history, None).limit("p99_ms")
    assert list(lines_of(figure)) == ["at most 15.5"]
    assert hollow(figure) == {2}


def test_a_metric_that_no_trial_has_measured_has_no_picture():
    assert Pictures(limited([{"loss": 1.0}], TEXTS).history, None).limited == []


def test_in_the_small_picture_infeasible_trials_are_hollow():
    circles = list(svg_of(limited(MIXED, TEXTS)).iter(f"{SVG}circle"))
    assert [circle.attrib["fill"] == "none" for circle in circles] == [True, False, True, True, False]


@pytest.mark.parametrize("scale", [1e9, 1e-9, 1e300, 5e-324])
def test_any_name_and_any_scale_of_a_constraint_gives_pictures(scale: float):
    rows = [{"loss": 1.0, HOSTILE.replace("<", "").replace(">", ""): i * scale} for i in (1, 2, 3)]
    metric = list(rows[0])[1]
    story = limited(rows, [f"{metric} <= {2 * scale!r}"])
    figure = Pictures(story.history, None).limit(metric)
    assert [set(line["y"]) for line in lines_of(figure).values()] == [{2 * scale}]
    assert hollow(figure) == {3}
