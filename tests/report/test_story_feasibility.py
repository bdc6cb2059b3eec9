"""How a campaign with constraints stands: in numbers, in a terminal and on its page."""

import random
from typing import Any

import pytest
from insights import insight_at, slice_of
from limited_stories import BASELINE, TEXTS, believed, limited
from parsed_page import Page
from standing import finding_lines, status_lines, story_about
from told_stories import POINT, Story, campaign_of

from overnight.campaign.recommendation import Recommendation
from overnight.report.finding import confidence_sentences, constraint_sentences, finding_sentence
from overnight.report.html import render_report
from overnight.report.story import Story as Told

MET = {"loss": 2.0, "p99_ms": 14.0, "errors": 0.1}


def text_of(story: Story, found: Recommendation | None = None) -> str:
    return "\n".join([*status_lines(story.history, recommendation=found), *finding_lines(story.history, found)])


def page_text(story: Story, found: Recommendation | None = None) -> str:
    told = story_about(story.history, recommendation=found)
    return " ".join([finding_sentence(told), *confidence_sentences(told), *constraint_sentences(told)])


def test_the_story_counts_the_trials_that_meet_each_constraint_like_brute_force():
    draw = random.Random(5)
    rows = [{"loss": draw.random(), "p99_ms": draw.uniform(10, 20), "errors": draw.random()} for _ in range(40)]
    for row in rows[5:9]:
        del row["p99_ms"]
    story = limited(rows, budget={"trials": 50})
    found = story_about(story.history).feasibility
    assert found is not None
    ceiling = 2 * rows[0]["errors"]
    quick = [row.get("p99_ms", 99) <= 15 for row in rows]
    sound = [row["errors"] <= ceiling for row in rows]
    assert [(limit.met, limit.missing) for limit in found.limits] == [(sum(quick), 4), (sum(sound), 0)]
    assert found.feasible == sum(both == (True, True) for both in zip(quick, sound, strict=True))
    assert [limit.at_most for limit in found.limits] == [15, ceiling]
    best = story_about(story.history).best.measured
    assert best is not None
    assert best.measurement.mean == min(r["loss"] for r, a, b in zip(rows, quick, sound, strict=True) if a and b)


def test_a_campaign_without_constraints_is_shown_without_any_word_of_them():
    story = Story().tried(1, 0, 2.0, point=BASELINE, generator="baseline").tried(2, 1, 1.0)
    assert story_about(story.history).feasibility is None
    assert "feasible" not in text_of(story) + page_text(story)
    assert "best so far: loss 1 (trial 2)" in text_of(story)


def test_limits_relative_to_the_baseline_are_shown_as_numbers_with_the_trials_that_meet_them():
    story = limited([MET, MET | {"errors": 0.3}, {"loss": 1.0, "errors": 0.1}])
    lines = status_lines(story.history)
    assert "best feasible so far: loss 2 (trial 1)" in lines
    assert "feasible as measured: 1 of 3 observed trials" in lines
    assert "  p99_ms <= 15: met by 2 of 3, not measured by 1" in lines
    assert "  errors <= 2 * baseline (now at most 0.2): met by 2 of 3" in lines


def test_if_no_trial_is_feasible_the_constraint_that_is_met_least_often_is_named():
    story = limited([MET | {"p99_ms": 16}, MET | {"p99_ms": 17}, MET | {"errors": 1}])
    line = "none of 3 observed trials is feasible as measured; p99_ms <= 15 is met least often (by 1)"
    assert line in status_lines(story.history)
    assert not any(line.startswith("best") for line in status_lines(story.history))
    assert f"N{line[1:]}. Nothing is recommended." in page_text(story)
    assert f"{line}, so nothing is recommended" in finding_lines(story.history, None)


def test_constraints_that_the_baseline_does_not_meet_are_named():
    story = limited([MET | {"p99_ms": 16}, MET])
    assert "the baseline does not meet p99_ms <= 15 (measured 16)" in status_lines(story.history)
    assert "The baseline does not meet p99_ms <= 15 (measured 16)." in page_text(story)
    assert "the baseline does not meet" not in text_of(limited([MET, MET]))


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ({}, "which gave no result (trial 1 failed (evaluator error): it broke)"),
        ({"loss": 1.0, "p99_ms": 9}, "which was measured without errors (trial 1)"),
    ],
    ids=["failed", "without the metric"],
)
def test_nothing_can_be_judged_beside_a_baseline_without_a_measurement(first: dict[str, float], why: str):
    story = limited([first, MET, MET | {"p99_ms": 16}])
    assert f"nothing can be judged yet: errors <= 2 * baseline is relative to the baseline, {why}" in text_of(story)
    assert "  errors <= 2 * baseline (now unknown): not judged" in status_lines(story.history)
    assert why in page_text(story)
    assert page_text(story).count("can be judged yet") == 1


def test_while_the_baseline_runs_nothing_can_be_judged():
    story = Story(campaign_of(constraints=TEXTS))
    assert "relative to the baseline, which has not been proposed yet" in text_of(story)
    story.proposed(1, 0, BASELINE, "baseline").started(1, 0).proposed(2, 0).started(2, 0).observed(2, 1, 1.0, errors=1)
    assert "relative to the baseline, which has no result yet (trial 1: running)" in text_of(story)
    story.observed(1, 2, 1.0, errors=1, p99_ms=1)
    assert "judged" not in text_of(story)


def test_a_recommendation_that_is_feasible_enough_is_shown_with_each_probability():
    story = limited([MET, MET])
    found = believed(story, 2, {TEXTS[0]: 0.97, TEXTS[1]: 0.99}, p99_ms=13.0, errors=0.1)
    lines = finding_lines(story.history, found)
    assert "feasible with a probability of 97 % (at least 95 % is demanded)" in lines
    assert "  p99_ms <= 15: 13.00 ± 0.50, met with a probability of 97 %" in lines
    assert any(line.startswith("recommended (trial 2): loss") for line in lines)
    sentence = "The recommended configuration is feasible with a probability of 97 % (at least 95 % is demanded)."
    assert sentence in page_text(story, found)


@pytest.mark.parametrize(("chance", "reached"), [(0.61, "61 %"), (0.9499, "almost 95 %")])
def test_if_no_point_reaches_the_demanded_probability_the_closest_and_the_tight_constraint_are_named(
    chance: float, reached: str
):
    story = limited([MET, MET])
    found = believed(story, 2, {TEXTS[0]: 0.99, TEXTS[1]: chance}, p99_ms=13.0, errors=0.2)
    line = (
        f"no point was found that is feasible with the demanded probability of 95 %: the closest one reaches {reached}"
    )
    tight = f"the tight constraint is errors <= 2 * baseline ({reached.removeprefix('almost ')})"
    lines = finding_lines(story.history, found)
    assert f"{line}; {tight}" in lines
    assert any(each.startswith("closest to feasible (trial 2): loss") for each in lines)
    assert not any(each.startswith("recommended") for each in lines)
    assert finding_sentence(story_about(story.history, recommendation=found)).startswith(f"N{line[1:]}")


def test_a_point_that_is_only_the_closest_to_feasible_is_called_recommended_nowhere_on_the_page():
    story = limited([MET, MET, MET])
    found = believed(story, 2, {TEXTS[0]: 0.99, TEXTS[1]: 0.61}, p99_ms=13.0, errors=0.2)
    slices = [slice_of("depth", [1, 5, 9], [2.0, 1.0, 1.5]), slice_of("rate", [1e-4, 1e-2, 1.0], [3.0, 1.0, 2.0])]
    insight = insight_at(story.campaign, found.point, slices)
    page = Page(render_report(story.history, story_about(story.history, recommendation=found, insight=insight)))
    assert "recommended" not in page.text.lower()
    assert "the trial closest to feasible is ringed" in page.text
    figures: list[Any] = [*page.figures.values()]
    names = {trace.name for figure in figures for trace in figure.data}
    assert "closest to feasible" in names
    assert "recommended" not in names


@pytest.mark.parametrize(
    ("measured", "mean", "words"),
    [
        (15.6, 14.2, "which does not meet p99_ms <= 15, but its true value is believed to meet it (14.20 ± 0.50)"),
        (14.4, 15.3, "which meets p99_ms <= 15, but its true value is believed not to meet it (15.30 ± 0.50)"),
        (14.4, 14.2, None),
        (15.6, 15.3, None),
    ],
)
def test_a_measurement_that_contradicts_the_belief_is_explained(measured: float, mean: float, words: str | None):
    story = limited([MET, MET | {"p99_ms": measured}])
    found = believed(story, 2, {TEXTS[0]: 0.96, TEXTS[1]: 0.99}, p99_ms=mean)
    for text in (text_of(story, found), page_text(story, found)):
        assert (words is None) == ("true value is believed" not in text)
        assert words is None or f"rial 2 measured p99_ms {measured:g}, {words}" in text


@pytest.mark.parametrize(
    ("p99", "line"),
    [
        (14.0, "feasible as measured, with an unknown probability"),
        (16.0, "no trial is feasible as measured: this one comes closest and does not meet p99_ms <= 15"),
    ],
)
def test_a_recommendation_without_a_probability_is_judged_as_measured(p99: float, line: str):
    story = limited([MET | {"p99_ms": p99 + 1}, MET | {"p99_ms": p99}])
    unknown = {"constraints": {}, "probability_feasible": None, "feasible_at_least": None, "without_model": "no model"}
    found = believed(story, 2, {TEXTS[0]: 0.9}).model_copy(update=unknown)
    assert line in finding_lines(story.history, found)
    assert line[1:] in page_text(story, found)


@pytest.mark.parametrize("scale", [1e9, 1e-9, 1e300, 5e-324])
def test_any_names_and_scales_survive_json_and_are_shown(scale: float):
    name = "tail latency [µs] \x1b"
    constraints = [f"{name} <= {15 * scale!r}", f"{name} >= 0.1 * baseline", "x <= 1.5 * baseline"]
    story = limited([{"loss": 1.0, name: 14 * scale, "x": scale}, {"loss": 1.0, name: 16 * scale}], constraints)
    texts = [str(constraint) for constraint in story.campaign.constraints]
    found = believed(story, 1, dict.fromkeys(texts, 0.5), **{name: 14 * scale})
    told = story_about(story.history, recommendation=found)
    assert Told.model_validate_json(told.model_dump_json()) == told
    assert texts[0] in text_of(story, found)


def test_of_a_point_that_was_not_measured_only_the_belief_is_shown():
    story = limited([MET, MET])
    changes: dict[str, Any] = {"trial": None, "point": POINT | {"depth": 8}}
    found = believed(story, 2, {TEXTS[0]: 0.97, TEXTS[1]: 0.99}, p99_ms=16.0).model_copy(update=changes)
    assert "  p99_ms <= 15: 16.00 ± 0.50, met with a probability of 97 %" in finding_lines(story.history, found)
    assert "true value is believed" not in text_of(story, found)
