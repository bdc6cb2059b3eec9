"""Campaigns with contexts in a terminal, on the page, in explanations and in news."""

import io
from typing import Any

from recommendations import recommendation
from rich.console import Console
from standing import finding_lines, status_lines, story_about
from told_stories import START, Story, campaign_of

from overnight.campaign import Point
from overnight.campaign.recommendation import OfContext, Recommendation
from overnight.flows.commands.live import LiveDisplay
from overnight.flows.engine.artifacts import artifacts_of
from overnight.report.happenings import News
from overnight.report.html import render_report
from overnight.report.phrases.contexts import turn_sentence
from overnight.report.story import Story as Told

BASELINE: Point = {"rate": 0.1, "depth": 3, "mode": "slow", "cache": False}
CAMPAIGN = campaign_of(context={"site": ["north", "south"]}, baseline=BASELINE, noise="none", budget={"trials": 9})


def at_site(site: str, **changes: object) -> Point:
    return {"site": site, **BASELINE, **changes}  # type: ignore[dict-item]


def tried() -> Story:
    """Return a campaign in which the south is a hundred times as slow, and the north has had one trial more."""
    told = Story(CAMPAIGN).tried(1, 0, 2.0, point=at_site("north"), generator="baseline")
    told.tried(2, 2, 200.0, point=at_site("south"), generator="baseline")
    told.tried(3, 4, 1.5, point=at_site("north", depth=5)).tried(4, 6, 150.0, point=at_site("south", depth=6))
    return told.tried(5, 8, 1.8, point=at_site("north", depth=7))


def of_both() -> Recommendation:
    of_both: dict[str, Any] = {
        "sd": 0.0,
        "baseline_sd": 0.0,
        "probability_best": 0.5,
        "probability_better_than_baseline": 0.9,
    }
    parts = [
        recommendation(trial=3, point=at_site("north", depth=5), mean=1.5, baseline_mean=2.0, **of_both),
        recommendation(trial=4, point=at_site("south", depth=6), mean=150.0, baseline_mean=200.0, **of_both),
    ]
    contexts = tuple(OfContext(given={"site": str(each.point["site"])}, recommendation=each) for each in parts)
    return parts[0].model_copy(update={"contexts": contexts})


def test_the_story_of_each_context_has_its_own_trials_best_result_and_baseline():
    told = story_about(tried().history, recommendation=of_both())
    assert [each.given for each in told.contexts] == [{"site": "north"}, {"site": "south"}]
    north, south = (each.story for each in told.contexts)
    assert [story.best.observed for story in (north, south)] == [3, 2]
    assert [story.best.measured and story.best.measured.trial for story in (north, south)] == [3, 4]
    assert [story.best.baseline and story.best.baseline.trial for story in (north, south)] == [1, 2]
    assert [story.best.recommended and story.best.recommended.change_percent for story in (north, south)] == [-25, -25]
    assert told.best.measured is None
    assert told.best.observed == 5
    assert Told.model_validate_json(told.model_dump_json()) == told


def test_the_terminal_names_the_context_of_each_line():
    lines = status_lines(tried().history, recommendation=of_both())
    assert "site = north: best so far: loss 1.5 (trial 3)" in lines
    assert any(line.startswith("site = south: recommended (trial 4): loss 150;") for line in lines)
    assert not any(line.startswith("best so far") for line in lines)
    found = finding_lines(tried().history, of_both())
    assert found.index("site = north:") < found.index("recommended (trial 3): loss 1.5") < found.index("site = south:")
    assert "baseline: loss 200" in "\n".join(found)


def test_the_lines_of_a_running_campaign_name_the_context_of_each_trial():
    console = Console(width=100, file=io.StringIO(), record=True)
    display = LiveDisplay(CAMPAIGN, console)
    display.watch(Story(CAMPAIGN).history)
    told = tried().proposed(6, 9, point=at_site("south", depth=7)).started(6, 9).failed(6, 10, message="no heat")
    display.watch(told.history)
    lines = console.export_text().splitlines()
    assert "trial   1  site = north: loss 2  (baseline)" in lines
    assert "trial   4  site = south: loss 150  (sobol)" in lines
    assert any(line.startswith("trial   6  site = south: failed (evaluator error): no heat") for line in lines)


def test_before_a_recommendation_each_context_says_why_there_is_none():
    lines = finding_lines(Story(CAMPAIGN).history, None)
    why = "nothing was tried yet, so nothing is recommended"
    assert lines[-5:] == ["site = north:", why, "", "site = south:", why]


def test_the_page_has_a_part_for_each_context():
    told = tried()
    page = render_report(told.history, story_about(told.history, recommendation=of_both()))
    for place in ("course", "parameter-0", "configuration"):
        assert f'id="context-0-{place}"' in page
        assert f'id="context-1-{place}"' in page
        assert f'id="{place}"' not in page
    assert page.index("<h2>site = north</h2>") < page.index("<h2>site = south</h2>")
    assert "site = north: loss from 2 at the baseline to 1.5" in page
    assert page.count("Recommended configuration (trial") == 2


def test_the_top_of_the_page_has_a_paragraph_for_each_context():
    found = story_about(tried().history, recommendation=of_both())
    top = render_report(tried().history, found).partition("</header>")[0]
    assert [line.partition(">")[2].partition(":")[0] for line in top.splitlines() if 'class="finding' in line] == [
        "site = north",
        "site = south",
    ]


def test_the_page_of_a_campaign_without_contexts_has_no_parts():
    told = Story().tried(1, 0, 2.0)
    page = render_report(told.history, story_about(told.history))
    assert "context-" not in page
    assert 'id="course"' in page


def test_prefect_shows_the_course_of_each_context():
    names = [picture.name for picture in artifacts_of(tried().history, START)]
    assert names == ["progress", "trials", "trace-1", "trace-2"]


def test_a_new_best_result_is_news_in_its_own_context():
    news, told = News(), tried()
    assert news.of(told.history) == []
    told.tried(6, 10, 140.0, point=at_site("south", depth=7))
    [happening] = news.of(told.history)
    assert happening.kind == "campaign.new-best"
    assert "new best loss 140 in trial 6 (site = south), before 150 (trial 4)" in happening.text
    told.tried(7, 12, 145.0, point=at_site("south", depth=8)).tried(8, 14, 1.9, point=at_site("north", depth=8))
    assert news.of(told.history) == []


def test_an_explanation_counts_the_trials_that_decided_whose_turn_it_was():
    told = tried()
    then = told.history
    trial = told.proposed(6, 10, at_site("south", depth=2)).history.trials[6]
    trial = trial.model_copy(update={"batch": 6})
    assert turn_sentence(then, trial, {"site": "south"}) == (
        "It is for site = south: contexts take turns, and it had had 2 trials (site = north: 3)."
    )
