"""The finding of a campaign, in sentences."""

from typing import Any

import pytest
from recommendations import recommendation
from standing import finding_lines, story_about
from told_stories import POINT, Story, campaign_of

from overnight.campaign.history.provenance import Prediction
from overnight.report.finding import change_of, confidence_sentences, finding_sentence, standing_sentence

BASELINE = {"rate": 0.1, "depth": 3, "mode": "slow", "cache": False}
BELIEVED: dict[str, Any] = {
    "trial": 2,
    "point": POINT,
    "mean": 0.0031,
    "sd": 0.0066,
    "probability_best": 0.9,
    "baseline_mean": 0.9,
    "baseline_sd": 0.1,
    "probability_better_than_baseline": 0.99,
}
FOUND = recommendation(**BELIEVED)


def repeated(*values: float, sem: float | None = None, **changes: Any) -> Story:
    story = Story(campaign_of(**changes)).tried(1, 0, 1.0, sem, point=BASELINE, generator="baseline")
    for i, value in enumerate(values, 2):
        story.tried(i, i, value, sem)
    return story


@pytest.mark.parametrize(
    "story",
    [
        repeated(0.002, 0.002, 0.002, 0.002),
        repeated(0.002, sem=0.0),
        repeated(0.002, noise="none"),
    ],
    ids=["repeats agree", "sem is 0", "the file says so"],
)
def test_exact_measurements_are_told_as_they_are_without_a_plus_minus(story: Story):
    sentence = finding_sentence(story_about(story.history, recommendation=FOUND))
    assert sentence == "loss from 1 at the baseline to 0.002 at the recommended configuration (−99.8 %)."
    assert "±" not in " ".join([*finding_lines(story.history, FOUND), *confidence_sentences_of(story)])


@pytest.mark.parametrize(
    "story",
    [
        repeated(0.002),
        repeated(0.002, 0.003),
        repeated(0.002, 0.002, 0.002),
        repeated(0.002, 0.002, 0.002, 0.002, 0.003),
        repeated(0.002, 0.002, 0.002, 0.002, sem=0.1),
        repeated(0.002, 0.003, noise="none"),
        repeated(0.002, 0.003, sem=0.0),
    ],
    ids=[
        "nothing repeated",
        "repeats differ",
        "too few to learn from",
        "all repeats but one agree",
        "errors are known",
        "repeats contradict the file",
        "repeats contradict a sem of 0",
    ],
)
def test_what_may_be_noisy_keeps_its_plus_minus(story: Story):
    assert "0.0031 ± 0.0066" in finding_sentence(story_about(story.history, recommendation=FOUND))
    assert any("0.0031 ± 0.0066" in line for line in finding_lines(story.history, FOUND))
    assert "one standard deviation" in confidence_sentences_of(story)[0]


def test_a_suspect_is_named_with_what_was_expected_and_is_not_the_best_so_far():
    story = repeated(0.002, -5.0, 0.004)
    found = recommendation(**BELIEVED, suspects={3: Prediction(mean=0.003, sd=0.001)})
    about = story_about(story.history, recommendation=found)
    text = "trial 3 looks like a glitch and does not count: loss −5 instead of 0.0030 ± 0.0010"
    assert any(line.startswith(text) for line in finding_lines(story.history, found))
    assert text[1:] in standing_sentence(about)
    assert about.best.measured is not None
    assert about.best.measured.trial == 2


def confidence_sentences_of(story: Story) -> list[str]:
    return confidence_sentences(story_about(story.history, recommendation=FOUND))


def test_a_change_is_a_factor_on_a_log_scale_and_a_difference_on_a_linear_one():
    assert change_of(0.1, 0.01, logarithmic=True) == "× 0.1"
    assert change_of(3, 5, logarithmic=False) == "+2"
    assert change_of("slow", "fast", logarithmic=False) == ""


def test_a_change_between_both_ends_of_the_floats_is_a_number_all_the_same():
    assert change_of(1e-300, 1e300, logarithmic=True) == "× 1 × 10⁶⁰⁰"
    assert change_of(-1.7e308, 1.7e308, logarithmic=False) == "+3.4 × 10³⁰⁸"


@pytest.mark.parametrize(
    ("before", "after", "change"), [(1e307, 2e307, "(+100 %)."), (-1e308, 1.7e308, "(+270 %)."), (5e-324, 1e308, "n.")]
)
def test_results_at_the_ends_of_the_floats_have_a_change_in_per_cent(before: float, after: float, change: str):
    found = recommendation(**BELIEVED | {"mean": after, "baseline_mean": before})
    assert finding_sentence(story_about(repeated(0.002).history, recommendation=found)).endswith(change)


def test_how_a_campaign_stands_counts_every_way_to_end():
    story = Story(campaign_of()).tried(1, 0, 1.0).proposed(2, 1).started(2, 1).failed(2, 2)
    story.proposed(3, 3).started(3, 3).stopped(3, 4)
    assert standing_sentence(story_about(story.history, alive=False)).startswith(
        "Interrupted. 1 of 10 trials observed, 1 failed, 1 stopped early."
    )
