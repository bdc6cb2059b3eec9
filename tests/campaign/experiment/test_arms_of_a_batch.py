"""The arms of a batch belong together: in requests, while one waits for a person, and when the others have ended."""

from told_arms import ToldArms, measured

from overnight.campaign.experiment.arms import arms_at, batch_of, stranded
from overnight.campaign.history.events import AttemptFailed

RESULT = {"clicks": measured(3.0)}


def test_a_request_has_every_arm_of_the_batch_with_its_units_and_those_that_have_ended():
    story = ToldArms()
    first = story.batch((0, 0.5), (3, 0.3), (4, 0.2))
    story.abandon(first[1], "no")
    for number in first:
        arms = arms_at(story.history, story.history.trials[number], 1)
        assert [(arm.trial, arm.traffic, arm.status_quo, arm.ended) for arm in arms] == [
            (1, 500, True, False),
            (2, 300, False, True),
            (3, 200, False, False),
        ]
        assert [arm.key for arm in arms] == ["1", "2", "3"]


def test_arms_of_other_batches_are_not_in_it():
    story = ToldArms()
    story.batch((0, 0.5), (3, 0.5))
    second = story.batch((0, 0.5), (4, 0.5))
    assert [trial.id for trial in batch_of(story.history, second[0])] == second


def retried(story: ToldArms, *trials: int) -> None:
    about = {"time": story.history.trials[1].proposed, "actor": "c", "attempt": 1, "cause": "infrastructure"}
    failures = [AttemptFailed(**about, trial=trial, message="lost", will_retry=True) for trial in trials]
    story.history = story.history.extended(failures)


def test_arms_that_will_be_tried_again_are_not_stranded_as_long_as_the_batch_is():
    story = ToldArms()
    trials = story.batch((0, 0.5), (3, 0.3), (4, 0.2))
    retried(story, *trials)
    assert stranded(story.history) == []


def test_an_arm_is_stranded_once_its_status_quo_has_ended():
    story = ToldArms()
    trials = story.batch((0, 0.5), (3, 0.3), (4, 0.2))
    retried(story, *trials)
    story.abandon(trials[0], "no")
    assert [trial.id for trial in stranded(story.history)] == trials[1:]


def test_a_status_quo_is_stranded_once_every_other_arm_has_ended():
    story = ToldArms()
    trials = story.batch((0, 0.5), (3, 0.3), (4, 0.2))
    retried(story, *trials)
    story.abandon(trials[1], "no")
    assert stranded(story.history) == []
    story.abandon(trials[2], "no")
    assert [trial.id for trial in stranded(story.history)] == trials[:1]


def test_running_arms_are_stranded_if_a_person_withdraws_their_status_quo():
    story = ToldArms()
    trials = story.batch((0, 0.5), (3, 0.3), (4, 0.2))
    story.abandon(trials[0], "no")
    assert [trial.id for trial in stranded(story.history)] == trials[1:]


def test_running_arms_are_not_stranded_if_their_status_quo_has_a_result():
    story = ToldArms()
    trials = story.batch((0, 0.5), (3, 0.5))
    story.observe({trials[0]: RESULT})
    assert stranded(story.history) == []
