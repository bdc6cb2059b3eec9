"""Pictures of fronts: points, intervals, the border of what is dominated, limits, and the hypervolume."""

import itertools
import json
import math
import random
import xml.etree.ElementTree as ElementTree
from typing import Any

import plotly.graph_objects as go
import pytest
from front_stories import OBJECTIVES, ROWS, front_believed, several
from standing import story_about
from told_stories import HOSTILE, Story

from overnight.campaign.recommendation import Recommendation
from overnight.report.pictures.front_chart import FrontPictures
from overnight.report.pictures.front_geometry import Window, border
from overnight.report.pictures.front_picture import front_picture
from overnight.report.pictures.trace_picture import trace_picture
from overnight.report.story.goal.front import Front

SVG = "{http://www.w3.org/2000/svg}"
NEAR_AND_FAR = [*ROWS, {"kb": 1e7, "vmaf": 60.0}]


def front_of(story: Story, found: Recommendation | None = None) -> Front:
    front = story_about(story.history, recommendation=found).front
    assert front is not None
    return front


def pictures_of(story: Story, found: Recommendation | None = None) -> FrontPictures:
    return FrontPictures(story.history, front_of(story, found))


def traces(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    json.dumps(figure, allow_nan=False)
    go.Figure(figure)
    return {trace["name"]: trace for trace in figure["data"]}


def places(trace: dict[str, Any]) -> set[tuple[float, float]]:
    return set(zip(trace["x"], trace["y"], strict=True))


def test_points_on_the_front_others_infeasible_ones_the_baseline_and_the_recommended_one_are_distinguished():
    story = several([*ROWS, {"kb": 390.0, "vmaf": 99.0}], constraints=["kb <= 380"])
    found = traces(pictures_of(story, front_believed(story, 3)).pair(0, 1))
    assert places(found["on the front"]) == {(100, 80), (200, 92), (290, 97)}
    assert places(found["not on the front"]) == {(300, 90), (350, 70)}
    assert places(found["infeasible"]) == {(390, 99)}
    assert found["infeasible"]["marker"]["symbol"] == "circle-open"
    assert places(found["baseline"]) == {(300, 90)}
    assert places(found["recommended"]) == {(200, 92)}


def test_bars_reach_to_both_ends_of_each_interval_in_both_directions():
    story = several()
    trace = traces(pictures_of(story, front_believed(story, 3, sd=2.0)).pair(0, 1))["on the front"]
    for bars in (trace["error_x"], trace["error_y"]):
        assert bars["array"] == pytest.approx([2 * 1.645] * 3)
        assert bars["arrayminus"] == pytest.approx([2 * 1.645] * 3)


def test_measurements_without_an_error_have_no_bars():
    assert "error_x" not in traces(pictures_of(several()).pair(0, 1))["on the front"]


@pytest.mark.parametrize(
    ("directions", "corners"),
    [
        (("minimize", "maximize"), [(1, 0), (1, 1), (2, 1), (2, 3), (9, 3)]),
        (("maximize", "minimize"), [(2, 9), (2, 3), (1, 3), (1, 1), (0, 1)]),
    ],
    ids=str,
)
def test_the_border_has_the_corners_of_what_is_dominated(directions, corners):
    names = dict(zip(directions, ("a", "b"), strict=True))
    ends = {"minimize": 9, "maximize": 0}
    rows = [{"a": 1.0, "b": 1.0}, {"a": 2.0, "b": 3.0}]
    objectives = [{direction: name, "worst": ends[direction]} for direction, name in names.items()]
    assert border(front_of(several(rows, objectives=objectives))) == corners


def test_every_place_is_dominated_by_the_front_just_if_it_lies_within_the_border():
    draw = random.Random(5)
    rows = [{"kb": draw.uniform(100, 400), "vmaf": draw.uniform(70, 99)} for _ in range(30)]
    corners = border(front_of(several(rows)))
    for _ in range(300):
        x, y = draw.uniform(100, 400), draw.uniform(70, 99)
        highest = max((level for at, level in corners if at <= x), default=-math.inf)
        assert (y <= highest) == any(row["kb"] <= x and row["vmaf"] >= y for row in rows)


def test_limits_and_preferences_on_objectives_are_lines_and_limits_far_away_are_not_drawn():
    story = several(constraints=["kb <= 1.1 * baseline", "vmaf >= -1e9"], prefer=["vmaf >= 95", "kb <= 1e12"])
    found = traces(pictures_of(story).pair(0, 1))
    assert set(found["kb &lt;= 1.1 * baseline"]["x"]) == {330.0}
    assert set(found["prefer vmaf &gt;= 95"]["y"]) == {95.0}
    assert not any("1000000000" in name or "1e" in name for name in found)


def test_the_area_beyond_a_given_worst_value_is_grey_and_an_inferred_reference_has_no_area():
    [area] = pictures_of(several()).pair(0, 1)["layout"]["shapes"]
    low, high = pictures_of(several()).pair(0, 1)["layout"]["xaxis"]["range"]
    assert (area["x0"], area["x1"]) == (400, high)
    assert low < 100
    assert (
        pictures_of(several(objectives=[{"minimize": "kb"}, {"maximize": "vmaf"}])).pair(0, 1)["layout"]["shapes"] == []
    )


def test_a_point_far_from_the_front_is_not_drawn_but_counted():
    story = several(NEAR_AND_FAR)
    pictures = pictures_of(story)
    figure = pictures.pair(0, 1)
    assert pictures.outside == 1
    assert figure["layout"]["xaxis"]["range"][1] < 1000
    assert places(traces(figure)["not on the front"]) == {(300, 90), (350, 70)}


def test_three_and_more_objectives_have_a_picture_of_each_pair_without_a_border():
    rows = [{"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 2.0, "b": 1.0, "c": 3.0}]
    pictures = pictures_of(several(rows, objectives=[{"maximize": name} for name in "abc"]))
    assert pictures.pairs == [*itertools.combinations(range(3), 2)]
    for i, j in pictures.pairs:
        found = traces(pictures.pair(i, j))
        assert places(found["on the front"]) == {(row["abc"[i]], row["abc"[j]]) for row in rows}
        assert not any(trace["mode"] == "lines" for trace in found.values())


def test_the_course_is_a_line_of_hypervolumes_up_to_the_last_trial():
    story = several()
    course = pictures_of(story).course()
    line, points = course["data"]
    grown = [(each.trial, each.hypervolume) for each in front_of(story).course]
    assert [*zip(points["x"], points["y"], strict=True)] == grown
    assert [*zip(line["x"], line["y"], strict=True)] == [*grown, (5, grown[-1][1])]


def test_labels_name_all_objectives_the_probability_and_the_configuration():
    story = several()
    label = traces(pictures_of(story, front_believed(story, 3)).pair(0, 1))["on the front"]["hovertext"][1]
    assert label.split("<br>")[:3] == [
        "trial 3, on the front with a probability of 90 %",
        "kb 200.00 ± 0.50",
        "vmaf 92.00 ± 0.50",
    ]
    assert "depth = 2" in label


@pytest.mark.parametrize("scale", [1.0, 1e9, 1e-9, 1e300, 1e-300, 5e305])
@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], [ROWS[0]] * 3], ids=["some", "one", "equal"])
def test_any_name_and_any_scale_gives_pictures(rows: list[dict[str, float]], scale: float):
    name = f"{HOSTILE} and a very long name that goes on and on"
    scaled = [{name: row["kb"] * scale, "vmaf": row["vmaf"]} for row in rows]
    story = several(scaled, objectives=[{"minimize": name}, {"maximize": "vmaf"}], constraints=[f"vmaf <= {1e300!r}"])
    for found in (None, front_believed(story, 1, sd=0.1 * scale)):
        pictures = pictures_of(story, found)
        text = json.dumps([pictures.pair(0, 1), pictures.course()], allow_nan=False)
        assert "<script>" not in text
        picture = front_picture(story.history, front_of(story, found))
        assert picture is None or "<script>" not in picture


def test_two_hundred_points_on_the_front_are_all_drawn_without_bars():
    rows = [{"kb": 1e9 * math.cos(i / 130), "vmaf": 1e-9 * math.sin(i / 130)} for i in range(200)]
    story = several(rows, objectives=[{"maximize": "kb"}, {"maximize": "vmaf"}])
    trace = traces(pictures_of(story, front_believed(story, 1, sd=1e-12)).pair(0, 1))["on the front"]
    assert len(trace["x"]) == 200
    assert "error_x" not in trace


def test_before_any_result_there_is_nothing_to_draw():
    assert pictures_of(several([{}])).pairs == []
    assert front_picture(several([{}]).history, front_of(several([{}]))) is None
    assert trace_picture(several([{}]).history) is None


def test_without_a_feasible_result_measured_points_are_drawn_alone():
    story = several(constraints=["kb <= 1"])
    assert set(traces(pictures_of(story).pair(0, 1))) == {"infeasible", "baseline", "kb &lt;= 1"}
    assert trace_picture(story.history) is None


def test_the_small_picture_shows_the_front_higher_where_it_is_better():
    story = several()
    picture = front_picture(story.history, front_of(story, front_believed(story, 3)))
    assert picture is not None
    root = ElementTree.fromstring(picture)
    circles = list(root.iter(f"{SVG}circle"))
    assert sorted(circle.attrib["r"] for circle in circles) == ["3", "3", "4", "4", "4", "8"]
    front = [(float(c.attrib["cx"]), -float(c.attrib["cy"])) for c in circles if c.attrib["r"] == "4"]
    assert front == sorted(front)
    assert [height for _, height in front] == sorted(height for _, height in front)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"minimize kb", "maximize vmaf", "on the front", "baseline"} <= set(texts)


def test_the_small_course_rises_with_the_hypervolume():
    picture = trace_picture(several().history)
    assert picture is not None
    heights = [-float(circle.attrib["cy"]) for circle in ElementTree.fromstring(picture).iter(f"{SVG}circle")]
    assert heights == sorted(heights)
    assert len(heights) == len(front_of(several()).course)


def test_more_objectives_have_no_small_picture_of_their_front():
    story = several([{"a": 1.0, "b": 2.0, "c": 3.0}], objectives=[{"maximize": name} for name in "abc"])
    assert front_picture(story.history, front_of(story)) is None


def test_a_window_shows_all_of_the_front_and_of_the_others_what_lies_within_its_width():
    window = Window.around([2.0, 4.0], [0.0, 5.9, 6.1, -1e9], log=False)
    assert [window.shows(value) for value in (2.0, 4.0, 0.0, 5.9, -1e9)] == [True, True, True, True, False]
    assert window.share(window.value(0.25)) == pytest.approx(0.25)
    assert OBJECTIVES[0]["worst"] == 400
