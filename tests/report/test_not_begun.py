"""Evaluations that cannot begin are named with the place, the time and the number of attempts, until one begins."""

import pytest
from standing import status_lines, story_about
from told_stories import Story, at

from overnight.campaign.history.events import AttemptFailed
from overnight.report.finding import standing_sentence

WHY = "it did not begin: the job was refused: invalid account\nsbatch: error"


def refused(story: Story, trial: int, *minutes: float) -> Story:
    """Add attempts at a trial that ended in these minutes because of the machine."""
    done = sum(1 for event in story.events if isinstance(event, AttemptFailed) and event.trial == trial)
    for attempt, minute in enumerate(minutes, start=done + 1):
        story.started(trial, minute - 0.5, attempt).failed(trial, minute, retry=True, message=WHY)
        story.events[-1] = story.events[-1].model_copy(update={"machine": True})
    return story


def test_refusals_in_a_row_are_shown_with_their_beginning_their_number_and_the_newest_reason():
    story = refused(Story().tried(1, 0, mean=1.0).proposed(2, 2), 2, 3, 4, 5)
    found = story_about(story.history).failures.not_begun
    assert found is not None
    assert (found.attempts, found.since, found.trial) == (3, at(3), 2)
    expected = "no evaluation can begin on this machine: 3 attempts in a row failed since 2026-11-03 21:03 UTC"
    [line] = [line for line in status_lines(story.history) if line.startswith(expected)]
    assert "the newest of trial 2: it did not begin: the job was refused: invalid account. " in line
    assert expected in standing_sentence(story_about(story.history)).replace("No evaluation", "no evaluation")


def test_two_refusals_may_pass_by_themselves():
    assert story_about(refused(Story().proposed(1, 0), 1, 1, 2).history).failures.not_begun is None


@pytest.mark.parametrize("how", ["observed", "failed"])
def test_an_evaluation_that_began_ends_the_row_whatever_came_of_it(how: str):
    story = refused(Story().proposed(1, 0), 1, 1, 2, 3).proposed(2, 4).started(2, 4)
    story = story.observed(2, 5, mean=1.0) if how == "observed" else story.failed(2, 5)
    assert story_about(story.history).failures.not_begun is None
    assert story_about(refused(story, 1, 6, 7).history).failures.not_begun is None


def test_attempts_that_a_controller_cancelled_do_not_end_the_row():
    story = refused(Story().proposed(1, 0), 1, 1, 2)
    story = story.proposed(2, 2).started(2, 2).abandoned(2, 3, "enough").cancelled(2, 3)
    found = story_about(refused(story, 1, 4).history).failures.not_begun
    assert found is not None
    assert (found.attempts, found.since) == (3, at(1))


def test_a_finished_campaign_tries_nothing_again():
    assert story_about(refused(Story().proposed(1, 0), 1, 1, 2, 3).finished(5).history).failures.not_begun is None
