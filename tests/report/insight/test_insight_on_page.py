import json
from typing import Any

import pytest
from front_stories import front_believed, several
from insights import importance_of, insight_at, left_out_of, slice_of
from parsed_page import Page
from recommendations import recommendation
from standing import story_about
from told_stories import HOSTILE, POINT, Story, campaign_of

from overnight.campaign import Campaign
from overnight.campaign.insight import Contour, Slice
from overnight.campaign.recommendation import Recommendation
from overnight.report.html import render_report

SLICES = [
    slice_of("rate", [1e-4, 1e-2, 1.0], [3.0, 1.0, 2.0]),
    slice_of("mode", ["slow", "fast"], [2.0, 1.0]),
    slice_of("depth", [1, 5, 9], [2.0, None, 1.0]),
]


def tried(campaign: Campaign | None = None, count: int = 6) -> Story:
    story = Story(campaign)
    for trial in range(1, count + 1):
        point = POINT | {"depth": trial}
        story.proposed(trial, trial, point).started(trial, trial).observed(trial, trial + 1, mean=1.0 + trial / 10)
    return story


def chart(page: Page, place: str) -> Any:
    return page.figures[place]


def page_about(story: Story, found: Recommendation, slices: list[Slice], **more: Any) -> Page:
    insight = insight_at(story.campaign, found.point, slices, **more)
    about = story_about(story.history, recommendation=found, insight=insight)
    return Page(render_report(story.history, about))


def believed(trial: int = 1) -> Recommendation:
    return recommendation(trial=trial, mean=1.0, sd=0.1, point=POINT | {"depth": trial}, probability_best=0.5)


def test_each_slice_has_a_title_and_a_picture_with_the_results_in_it() -> None:
    page = page_about(tried(), believed(), SLICES)
    assert "What the model has learnt about loss" in page.text
    assert "loss is lowest near rate = 0.01 1/s" in page.text
    assert "loss is lowest with mode = fast" in page.text
    for i in range(3):
        traces = {trace.name for trace in chart(page, f"slice-0-{i}").data}
        assert {"model", "sobol", "recommended"} <= traces
    assert chart(page, "slice-0-0").layout.xaxis.title.text == "rate [1/s], logarithmic"


def test_a_parameter_with_a_slice_has_no_other_picture() -> None:
    page = page_about(tried(), believed(), SLICES)
    assert "loss against the other parameters" in page.text
    assert [name for name in page.figures if name.startswith("parameter-")] == ["parameter-0"]


def test_a_band_is_interrupted_where_constraints_forbid_points() -> None:
    page = page_about(tried(), believed(), SLICES)
    lines = [trace for trace in chart(page, "slice-0-2").data if trace.name == "model"]
    assert [list(trace.x) for trace in lines] == [[1], [9]]


def test_six_slices_are_drawn_and_the_others_are_named() -> None:
    parameters = {f"x{i}": {"kind": "float", "low": 0.0, "high": 1.0} for i in range(9)}
    story = Story(campaign_of(parameters=parameters, baseline=None))
    point: dict[str, Any] = dict.fromkeys(parameters, 0.5)
    story.proposed(1, 1, point).started(1, 1).observed(1, 2, mean=1.0)
    slices = [slice_of(name, [0.0, 1.0], [1.0, 2.0]) for name in parameters]
    found = recommendation(trial=1, mean=1.0, sd=0.1, point=point, probability_best=0.5)
    page = page_about(story, found, slices)
    assert sum(name.startswith("slice-") for name in page.figures) == 6
    assert "Parameters that matter less are not shown: x6, x7, x8." in page.text


def test_results_far_worse_than_the_others_do_not_flatten_a_picture_and_are_counted() -> None:
    story = tried(campaign_of(budget={"trials": 30}), count=20)
    story.proposed(21, 50).started(21, 50).observed(21, 51, mean=1e6)
    page = page_about(story, believed(), SLICES)
    low, high = chart(page, "slice-0-0").layout.yaxis.range
    assert low < 1.0
    assert high < 10.0
    assert "1 result lies outside of the pictures." in page.text


def test_metrics_over_decades_have_a_logarithmic_axis_in_slices_too() -> None:
    story = Story(campaign_of(budget={"trials": 30}))
    for trial in range(1, 13):
        story.proposed(trial, trial, POINT | {"rate": trial / 20}).started(trial, trial)
        story.observed(trial, trial + 1, mean=10.0 ** (trial - 6))
    slices = [slice_of("rate", [1e-4, 1.0], [1e-3, 1.0])]
    axis = chart(page_about(story, believed(), slices), "slice-0-0").layout.yaxis
    assert axis.type == "log"
    assert axis.range[0] < -3 < 0 < axis.range[1]


def test_each_of_several_objectives_has_its_slices() -> None:
    story = several()
    page = page_about(story, front_believed(story, 3), SLICES)
    assert "What the model has learnt about kb" in page.text
    assert "What the model has learnt about vmaf" in page.text
    assert {"slice-0-0", "slice-1-0"} <= set(page.figures)
    assert "vmaf is lowest near rate = 0.01" not in page.text


def test_the_json_of_a_story_holds_the_numbers_of_the_pictures() -> None:
    story, found = tried(), believed()
    about = story_about(story.history, recommendation=found, insight=insight_at(story.campaign, found.point, SLICES))
    read: dict[str, Any] = json.loads(about.model_dump_json())["insight"]
    [of] = read["metrics"]
    assert of["slices"][0]["slice"]["mean"] == [3.0, 1.0, 2.0]
    assert of["slices"][0]["shape"] == {"kind": "best near", "at": 0.01}
    assert "insight" not in json.loads(story_about(story.history).model_dump_json())


def test_the_importance_of_parameters_is_drawn_as_shares_with_intervals() -> None:
    importance = (importance_of("rate", 0.6, main=0.5), importance_of("depth", 0.4, main=0.4))
    page = page_about(tried(), believed(), SLICES, importance=importance)
    alone, with_others = chart(page, "importance-0").data
    assert list(alone.x) == [0.5, 0.4]
    assert list(with_others.x) == [0.6, 0.4]
    assert list(with_others.error_x.array) == pytest.approx([0.0329] * 2)
    assert list(chart(page, "importance-0").layout.yaxis.ticktext) == ["rate", "depth"]
    assert "rate and depth matter most for loss" in page.text


def test_with_constraints_only_the_shares_with_others_are_drawn() -> None:
    page = page_about(tried(), believed(), SLICES, importance=(importance_of("rate", 0.6),))
    [bars] = chart(page, "importance-0").data
    assert bars.name == "with others"
    assert "rate matters most for loss" in page.text
    assert "the shares do not add up" in page.text


def test_parameters_lead_up_to_the_first_one_whose_importance_is_uncertain() -> None:
    rate, depth, mode = importance_of("rate", 0.6, sd=0.4), importance_of("depth", 0.35), importance_of("mode", 0.34)
    page = page_about(tried(), believed(), SLICES, importance=(rate, depth, mode))
    assert "Unclear which parameters matter most for loss" in page.text
    uncertain = importance_of("cache", 0.345, sd=0.3)
    page = page_about(tried(), believed(), SLICES, importance=(depth, uncertain, mode))
    assert "depth matters most for loss" in page.text


def test_of_many_parameters_the_twelve_most_important_are_drawn() -> None:
    importance = tuple(importance_of(f"x{i}", 0.5 - 0.01 * i) for i in range(30))
    page = page_about(tried(), believed(), SLICES, importance=importance)
    assert len(chart(page, "importance-0").data[0].x) == 12
    assert "12 of 30 parameters are drawn." in page.text


def test_the_two_parameters_that_matter_most_have_a_picture_of_both() -> None:
    mean = ((2.0, 1.0), (3.0, None))
    contour = Contour(across="rate", up="depth", at_across=(0.1, 0.2), at_up=(1, 9), mean=mean)
    page = page_about(tried(), believed(), SLICES, contour=contour)
    assert "contour-0" in page.figures
    assert "loss is lowest near rate = 0.2 1/s and depth = 1" in page.text


def test_other_pairs_of_parameters_have_pictures_that_a_reader_opens() -> None:
    cells: dict[str, Any] = {"at_across": (0.1, 0.2), "mean": ((2.0, 1.0), (3.0, None))}
    contour = Contour(across="rate", up="depth", at_up=(1, 9), **cells)
    pairs = (Contour(across="rate", up="mode", at_up=("slow", "fast"), **cells),)
    page = page_about(tried(), believed(), SLICES, contour=contour, pairs=pairs)
    assert list(chart(page, "pair-0-0").layout.yaxis.ticktext) == ["slow", "fast"]
    assert "Other pairs of parameters (1)" in page.text
    assert "rate and mode" in page.text


@pytest.mark.parametrize("changes", [{}, {"constraints": ["loss <= 2"]}], ids=["free", "constrained"])
def test_the_picture_of_both_says_that_it_does_not_show_limits(changes: dict[str, Any]) -> None:
    contour = Contour(across="rate", up="depth", at_across=(0.1, 0.2), at_up=(1, 9), mean=((2.0, 1.0), (3.0, 2.0)))
    page = page_about(tried(campaign_of(**changes)), believed(), SLICES, contour=contour)
    assert ("Whether metrics meet their limits is not shown." in page.text) == bool(changes)


def test_predictions_of_unseen_results_are_drawn_with_the_verdict() -> None:
    page = page_about(tried(), believed(), SLICES, left_out=left_out_of([0.0] * 18 + [2.0, -2.0]))
    assert "loss is predictable: 80 % of the differences between unseen results are explained" in page.text
    assert "18 of 20 results lie in their intervals, which promise to hold 90 %." in page.text
    diagonal, inside, outside = chart(page, "left-out-0").data
    assert (list(diagonal.x), list(diagonal.y)) == ([1.0, 21.0], [1.0, 21.0])
    assert (len(inside.x), len(outside.x)) == (18, 2)
    assert (outside.x[0], outside.y[0]) == (19.0, 21.0)


def test_a_value_at_a_bound_towards_which_the_metric_improves_is_named() -> None:
    point = POINT | {"depth": 9}
    falling = slice_of("depth", list(range(1, 10)), [10.0 - depth for depth in range(1, 10)])
    found = recommendation(trial=1, mean=1.0, sd=0.1, point=point, probability_best=0.5)
    page = page_about(tried(), found, [falling])
    words = "The recommended depth lies at its upper bound of 9, towards which loss still improves: widen the range"
    assert words in page.text
    inside = recommendation(trial=1, mean=1.0, sd=0.1, point=POINT | {"depth": 8}, probability_best=0.5)
    assert "lies at its" not in page_about(tried(), inside, [falling]).text


@pytest.mark.parametrize("name", ["x", HOSTILE])
def test_hostile_names_of_choices_stay_text(name: str) -> None:
    parameters = {"mode": {"kind": "categorical", "choices": ["slow", name]}}
    story = Story(campaign_of(parameters=parameters, baseline=None))
    story.proposed(1, 1, {"mode": name}).started(1, 1).observed(1, 2, mean=1.0)
    found = recommendation(trial=1, mean=1.0, sd=0.1, point={"mode": name}, probability_best=0.5)
    page = page_about(story, found, [slice_of("mode", ["slow", name], [2.0, 1.0])])
    assert "slice-0-0" in page.figures


def test_a_value_at_a_bound_before_which_the_metric_stops_improving_is_not_named() -> None:
    point = POINT | {"depth": 9}
    level = slice_of("depth", list(range(1, 10)), [10.0 - min(depth, 4) - depth / 1000 for depth in range(1, 10)])
    found = recommendation(trial=1, mean=1.0, sd=0.1, point=point, probability_best=0.5)
    page = page_about(tried(), found, [level])
    assert "loss falls with depth up to 4" in page.text
    assert "widen the range" not in page.text
