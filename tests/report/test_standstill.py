"""A notice that a campaign's trials give no results."""

from typing import Any

import pytest
from standing import status_lines, story_about
from told_stories import Story, campaign_of

from overnight.campaign.evaluation import Cause
from overnight.campaign.history.events import AttemptFailed, TrialFailed
from overnight.report.html import render_report
from overnight.report.story.standstill import standstill


def ends(story: Story, trial: int, cause: Cause) -> None:
    """Append the events of a trial that ends without a result."""
    story.proposed(trial, trial).started(trial, trial)
    about: dict[str, Any] = {"time": story.events[-1].time, "actor": "controller", "trial": trial, "attempt": 1}
    story.events.append(AttemptFailed(**about, cause=cause, message=f"case {trial}", will_retry=False))
    story.events.append(TrialFailed(**about, cause=cause, message=f"case {trial}"))


@pytest.mark.parametrize(
    ("cause", "words", "look"),
    [
        ("infeasible", "18 × infeasible", "the parameters' bounds"),
        ("timeout", "18 × timeout", "`evaluator.time_limit`"),
        ("invalid_result", "18 × invalid result", "what the evaluator returns"),
        ("configuration", "18 × evaluator error", "`overnight trials` shows why"),
    ],
)
def test_eighteen_trials_in_a_row_without_a_result_are_said_plainly(cause: Cause, words: str, look: str):
    story = Story(campaign_of(budget={"trials": 30}))
    for trial in range(1, 19):
        ends(story, trial, cause)
    [line] = [line for line in status_lines(story.history) if "in a row" in line]
    assert line.startswith(
        f"18 trials in a row gave no result ({words}); no trial has given one yet. Trial 18: case 18."
    )
    assert look in line
    page = render_report(story.history, story_about(story.history))
    assert "18 trials in a row gave no result" in page


def test_the_row_begins_after_the_last_result_and_few_trials_are_no_row():
    story = Story(campaign_of(budget={"trials": 30})).tried(1, 0, mean=1.0)
    for trial in range(2, 6):
        ends(story, trial, "infeasible")
    assert standstill(story.history) is None
    ends(story, 6, "timeout")
    found = standstill(story.history)
    assert (found.trials, found.since, dict(found.ends)) == (5, 1, {"infeasible": 4, "timeout": 1})
    assert "the last one was trial 1's" in str(found)
    assert standstill(story.tried(7, 20, mean=1.0).history) is None


def test_as_many_trials_as_run_at_once_are_no_row_yet():
    story = Story(campaign_of(budget={"trials": 30}, workers=8))
    for trial in range(1, 8):
        ends(story, trial, "infeasible")
    assert standstill(story.history) is None


def test_trials_that_a_rule_stops_are_a_row_only_when_there_are_many():
    story = Story(campaign_of(budget={"trials": 30})).tried(1, 0, mean=1.0)
    for trial in range(2, 21):
        story.proposed(trial, trial).started(trial, trial).stopped(trial, trial)
    assert standstill(story.history) is None
    story.proposed(21, 21).started(21, 21).stopped(21, 21)
    assert "20 × stopped early" in str(standstill(story.history))


def test_a_campaign_that_has_finished_without_any_result_says_so_however_few_its_trials_were():
    story = Story()
    ends(story, 1, "configuration")
    assert standstill(story.history) is None
    assert str(standstill(story.finished(3).history)).startswith("1 trial gave no result (1 × evaluator error)")
