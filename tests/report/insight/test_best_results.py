from typing import Any

import pytest
from insights import insight_at, slice_of
from limited_stories import limited
from parsed_page import Page
from recommendations import recommendation
from standing import story_about
from told_stories import POINT, Story, campaign_of

from overnight.campaign import History, Point
from overnight.report.html import render_report
from overnight.report.phrases.insight import best_part_text
from overnight.report.pictures.charts import Pictures
from overnight.report.pictures.insight.parallel_chart import parallel_chart
from overnight.report.story.insight.best_part import best_part_of


def measured(points: list[Point], means: list[float], **changes: Any) -> Story:
    story = Story(campaign_of(**{"budget": {"trials": 100}} | changes))
    for trial, (point, mean) in enumerate(zip(points, means, strict=True), 1):
        story.proposed(trial, trial, POINT | point).started(trial, trial).observed(trial, trial + 1, mean=mean)
    return story


def forty() -> History:
    """Return 40 results that are better the closer depth is to 2; everything else varies widely."""
    points: list[Point] = [{"depth": 1 + i % 9, "rate": 10.0 ** (-4 + i % 5)} for i in range(40)]
    return measured(points, [abs(float(point["depth"]) - 2.0) + i / 1000 for i, point in enumerate(points)]).history


def test_the_best_tenth_shares_the_parameter_with_the_narrowest_range() -> None:
    part = best_part_of(forty())
    assert part is not None
    assert (part.trials, part.results) == ((2, 11, 20, 29, 38), 40)
    assert (part.parameter, part.low, part.high) == ("depth", 2, 2)


def test_the_best_is_the_highest_of_a_metric_to_maximize() -> None:
    points: list[Point] = [{"depth": 1 + i % 9} for i in range(20)]
    part = best_part_of(measured(points, [float(i) for i in range(20)], maximize="loss").history)
    assert part is not None
    assert part.trials == (20, 19, 18, 17, 16)


def test_wide_ranges_have_nothing_in_common() -> None:
    points: list[Point] = [{"depth": 1 + (4 * i) % 9, "rate": 10.0 ** (-4 + (3 * i) % 5)} for i in range(20)]
    part = best_part_of(measured(points, [float(i) for i in range(20)]).history)
    assert part is not None
    assert (part.parameter, part.low, part.high) == (None, None, None)


def test_results_that_look_like_glitches_do_not_count() -> None:
    part = best_part_of(forty(), doubted={2, 20})
    assert part is not None
    assert part.trials == (11, 29, 38, 1, 3)
    assert part.results == 38


def test_few_results_have_no_best_part() -> None:
    points: list[Point] = [{"depth": 1} for _ in range(19)]
    assert best_part_of(measured(points, [1.0] * 19).history) is None


def test_each_result_is_a_line_through_the_metric_and_all_parameters() -> None:
    history = forty()
    figure = parallel_chart(Pictures(history, None), ["depth", "rate", "mode"], {2, 11, 20, 29, 38}, maximize=False)
    others, best = figure["data"]
    assert (len(others["x"]), len(best["x"])) == (35 * 5, 5 * 5)
    assert best["y"][:5] == [0, 1, 2, 3, None]
    # The best result is at the left end; depth is 2 of 1 to 9, rate 0.001 of 0.0001 to 1, mode the second of two.
    assert best["x"][:5] == [0.0, 0.125, 0.25, 1.0, None]
    words = [(word["y"], word["text"]) for word in figure["layout"]["annotations"]]
    assert words[2:] == [(1, "1"), (1, "9"), (2, "0.0001"), (2, "1"), (3, "slow"), (3, "fast")]


def test_of_very_many_results_a_part_is_drawn_with_all_of_the_best() -> None:
    points: list[Point] = [{"depth": 1 + i % 9} for i in range(800)]
    story = measured(points, [float(i) for i in range(800)], budget={"trials": 900})
    figure = parallel_chart(Pictures(story.history, None), ["depth"], set(range(1, 81)), maximize=False)
    assert [len(trace["x"]) // 3 for trace in figure["data"]] == [300, 80]


@pytest.mark.parametrize("count", [19, 20])
def test_the_page_shows_all_results_together_from_twenty_on(count: int) -> None:
    points: list[Point] = [{"depth": 2 + i % 2} for i in range(count)]
    story = measured(points, [1.0 + i for i in range(count)])
    point = POINT | {"depth": 2}
    found = recommendation(trial=1, mean=1.0, sd=0.1, point=point, probability_best=0.5)
    insight = insight_at(story.campaign, point, [slice_of("depth", [1, 9], [1.0, 2.0])])
    about = story_about(story.history, recommendation=found, insight=insight)
    page = Page(render_report(story.history, about))
    assert ("trials-together" in page.figures) == (count == 20)
    assert ("The best 5 of 20 results have rate = 0.01 1/s" in page.text) == (count == 20)


def test_with_constraints_only_feasible_results_are_the_best_and_are_counted() -> None:
    trials = [{"loss": 30.0 - i, "p99_ms": 10.0 if i % 2 else 20.0, "errors": 1.0} for i in range(24)]
    story = limited(trials)
    part = best_part_of(story.history)
    assert part is not None
    assert part.results == 12
    assert part.trials == (24, 22, 20, 18, 16)
    assert best_part_text(part, None, constrained=True).startswith("The best 5 of 12 feasible results")
