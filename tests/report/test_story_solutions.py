"""Different solutions of a recommendation: in numbers, in a terminal and on the page."""

import re
from typing import Any

import pytest
from recommendations import recommendation
from standing import finding_lines, status_lines, story_about
from told_stories import HOSTILE, POINT, Story, campaign_of

from overnight.campaign import Point
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import FoundSolutions, Recommendation, Solution
from overnight.report.html import render_report
from overnight.report.story import Story as Told
from overnight.report.story.goal.solutions import DifferentSolutions

SLOW = POINT | {"mode": "slow"}
DEEP = POINT | {"depth": 9}
ASKED = {"count": 3, "apart": 0.5, "within": 0.4}


def measured() -> Story:
    """Return a campaign that measured the first point twice, the second one once, and the third one not at all."""
    story = Story(campaign_of(solutions=ASKED)).tried(1, 0, 1.2, 0.1).tried(2, 2, 1.1, 0.1)
    return story.tried(3, 4, 1.4, 0.1, SLOW)


def solution(trial: int | None, point: Point, mean: float, **more: Any) -> Solution:
    return Solution(trial=trial, point=point, predicted={"loss": Prediction(mean=mean, sd=0.08)}, **more)


def found(*others: Solution, **changes: Any) -> Recommendation:
    first = solution(1, POINT, 1.15, differs_by=1.0)
    settings = {"asked": 3, "apart": 0.5, "within": 0.4, "within_inferred": False, "found": (first, *others)}
    several = FoundSolutions.model_validate(settings | changes)
    plain = recommendation(trial=1, point=POINT, mean=1.15, sd=0.08, probability_best=0.9)
    return plain.model_copy(update={"solutions": several})


THREE = found(solution(3, SLOW, 1.38, differs_by=1.0), solution(None, DEEP, 1.5, differs_by=0.875))


def section(story: Story, recommended: Recommendation) -> DifferentSolutions:
    told = story_about(story.history, recommendation=recommended)
    assert told.solutions is not None
    assert Told.model_validate_json(told.model_dump_json()) == told
    return told.solutions


def text_of(story: Story, recommended: Recommendation) -> str:
    return "\n".join(finding_lines(story.history, recommended))


def cells(page: str) -> list[list[str]]:
    """Return the texts of the cells of the page's table of solutions."""
    [table] = re.findall(r'<table class="[^"]*" id="solutions">(.*?)</table>', page, re.DOTALL)
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", table, re.DOTALL)
    return [[re.sub("<[^>]*>", "", c).strip() for c in re.findall(r"<t[dh]>(.*?)</t[dh]>", row)] for row in rows]


def test_a_recommendation_of_a_single_solution_has_no_such_section():
    story = measured()
    plain = found().model_copy(update={"solutions": None})
    assert story_about(story.history, recommendation=plain).solutions is None
    assert "solution" not in text_of(story, plain)
    assert 'id="solutions"' not in render_report(story.history, story_about(story.history, recommendation=plain))


def test_each_solution_comes_with_the_trials_that_measured_it():
    shown = section(measured(), THREE)
    assert [each.trials for each in shown.found] == [(1, 2), (3,), ()]
    assert [each.mean for each in shown.found] == [1.15, 1.38, 1.5]
    assert [each.differs_by for each in shown.found] == [1.0, 1.0, 0.875]


def test_exact_measurements_take_the_place_of_beliefs():
    story = Story(campaign_of(solutions=ASKED, noise="none")).tried(1, 0, 1.2).tried(2, 2, 1.4, point=SLOW)
    shown = section(story, THREE)
    assert [(each.mean, each.sd) for each in shown.found] == [(1.2, None), (1.4, None), (1.5, 0.08)]


def test_a_terminal_shows_a_line_for_each_solution():
    expected = [
        "3 different solutions: each differs from the others by at least 50 % of the range of a parameter, and is at "
        "most 0.4 worse than the first",
        "  1 (trials 1–2): loss 1.150 ± 0.080, differs by 100 %; rate=0.01, depth=2, mode=fast, cache=true",
        "  2 (trial 3): loss 1.380 ± 0.080, differs by 100 %; rate=0.01, depth=2, mode=slow, cache=true",
        "  3 (not measured): loss 1.500 ± 0.080, differs by 87.5 %; rate=0.01, depth=9, mode=fast, cache=true",
    ]
    assert finding_lines(measured().history, THREE)[-4:] == expected
    lines = status_lines(measured().history, recommendation=THREE)
    assert [line for line in lines if line in expected] == expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"next_loss": 0.75}, "the best other configuration that differs enough is worse by 0.75, which is too much"),
        ({"next_loss": 0.75, "measured_only": True}, "the best other measured configuration that differs enough is"),
        ({}, "no other configuration that differs enough was found"),
    ],
)
def test_fewer_solutions_than_asked_come_with_the_reason(changes: dict[str, Any], words: str):
    fewer = found(solution(3, SLOW, 1.38, differs_by=1.0), **changes)
    text = text_of(measured(), fewer)
    assert "2 of 3 different solutions: each differs" in text
    assert words in text
    assert words in render_report(measured().history, story_about(measured().history, recommendation=fewer)).replace(
        "The best", "the best"
    ).replace("No other", "no other")


def test_without_a_feasible_point_that_is_the_reason():
    limits = {"constraints": {"heat <= 1": 0.2}, "probability_feasible": 0.2, "feasible_at_least": 0.95}
    closest = found(solution(3, SLOW, 1.38)).model_copy(update=limits)
    story = Story(campaign_of(solutions=ASKED, constraints=["heat <= 1"])).tried(1, 0, 1.2)
    assert "no other solution, because not even the first is feasible enough" in text_of(story, closest)


def test_an_inferred_loss_is_shown_as_such():
    assert "0.4 worse than the first, a tenth of the distance to the median" in text_of(
        measured(), found(within_inferred=True)
    )


def test_the_page_has_a_table_of_the_solutions():
    story = measured()
    page = render_report(story.history, story_about(story.history, recommendation=THREE))
    assert cells(page) == [
        ["", "measured", "loss", "differs by", "rate", "depth", "mode", "cache"],
        ["1 recommended", "trials 1–2", "1.150 ± 0.080", "100 %", "0.01", "2", "fast", "true"],
        ["2", "trial 3", "1.380 ± 0.080", "100 %", "0.01", "2", "slow", "true"],
        ["3", "not measured", "1.500 ± 0.080", "87.5 %", "0.01", "9", "fast", "true"],
    ]
    assert "Measure a solution that has not been measured" in page


def test_with_constraints_the_page_and_the_terminal_show_how_probably_each_solution_is_feasible():
    story = Story(campaign_of(solutions=ASKED, constraints=["heat <= 1"])).tried(1, 0, 1.2)
    limited = found(solution(3, SLOW, 1.38, probability_feasible=0.97, differs_by=1.0))
    limits = {"constraints": {"heat <= 1": 0.99}, "probability_feasible": 0.99, "feasible_at_least": 0.95}
    limited = limited.model_copy(update=limits)
    assert "loss 1.380 ± 0.080, feasible: 97 %, differs by 100 %" in text_of(story, limited)
    page = render_report(story.history, story_about(story.history, recommendation=limited))
    assert [row[3] for row in cells(page)] == ["feasible", "", "97 %"]


def test_names_from_the_campaign_are_escaped():
    point: Point = {HOSTILE: "x"}
    parameters = {HOSTILE: {"kind": "categorical", "choices": ["x", HOSTILE]}}
    story = Story(campaign_of(parameters=parameters, baseline=None, solutions={"count": 2}))
    story.tried(1, 0, 1.0, 0.1, point)
    first, second = solution(1, point, 1.0), solution(None, {HOSTILE: HOSTILE}, 1.1)
    several = found(found=(first, second)).model_copy(update={"point": point})
    page = render_report(story.history, story_about(story.history, recommendation=several))
    assert "<script>alert" not in page
