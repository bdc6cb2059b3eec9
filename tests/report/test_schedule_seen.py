"""A campaign with a window that was interrupted or drained shows when it is started again, if it is deployed."""

import pytest
from standing import status_lines, story_about
from told_stories import Story, at, campaign_of

WINDOW = {"from": "22:00", "to": "06:00", "zone": "Europe/Berlin"}


def with_a_window() -> Story:
    """A campaign that began at 22:00 in Berlin, when its window opened."""
    return Story(campaign_of(window=WINDOW)).tried(1, 0, mean=1.0).proposed(2, 2).started(2, 2)


@pytest.mark.parametrize(
    ("minute", "expected"),
    [
        (20, "`overnight run` continues it; if it is deployed, its schedule starts it at Tue 2026-11-03 22:30 CET"),
        (
            9 * 60,
            "`overnight run` continues it once its window opens, at Wed 2026-11-04 22:00 CET; if it is deployed, its "
            "schedule does",
        ),
    ],
)
def test_an_interrupted_campaign_names_the_next_start_of_its_schedule(minute: float, expected: str):
    assert f"next: {expected}" in status_lines(with_a_window().history, alive=False, now=at(minute))


def test_a_campaign_that_was_drained_on_purpose_starts_again_at_the_next_opening():
    lines = status_lines(with_a_window().observed(2, 3, mean=2.0).drained(4).history, now=at(5))
    start = "its schedule starts it at Wed 2026-11-04 22:00 CET"
    assert f"next: `overnight run` continues it; if it is deployed, {start}" in lines


def test_a_campaign_without_a_window_has_no_schedule():
    story = Story().tried(1, 0, mean=1.0)
    assert story_about(story.history, alive=False).standing.next_step == "`overnight run` continues it"
