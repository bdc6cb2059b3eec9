"""Trials as lines of text for people, with the reasons for missing results."""

from limited_stories import limited
from standing import status_lines
from told_stories import Story, campaign_of

from overnight.report.selection import worth_listing
from overnight.report.trial_lines import failed_attempts, trial_lines, without_result


def test_a_failed_trial_says_its_cause_in_plain_words():
    story = Story().proposed(1, 0).started(1, 0).failed(1, 1, message="ValueError: no\nat line 3")
    [line] = trial_lines(story.history)["lines"]
    assert (line["status"], line["failed"]) == ("failed: evaluator error", True)
    [attempt] = failed_attempts(story.history)
    assert (attempt["cause"], attempt["message"], attempt["then"]) == (
        "evaluator error",
        "ValueError: no\nat line 3",
        "given up",
    )


def test_predictions_have_a_column_once_a_trial_was_predicted():
    story = Story().tried(1, 0, 0.5)
    assert "predicted" not in trial_lines(story.history)["headings"]
    story.proposed(2, 2, predicted=0.25)
    table = trial_lines(story.history)
    column = table["headings"].index("predicted") - 2
    assert [line["cells"][column] for line in table["lines"]] == ["", "0.25 ± 0.50"]


def test_status_shows_the_newest_failure_of_each_cause_in_one_line():
    story = Story()
    for i, message in enumerate(("ValueError: old", "\n\x1b[31mValueError: new\nTraceback"), 1):
        story.proposed(i, i).started(i, i).failed(i, i + 1, message=message)
    lines = status_lines(story.history)
    assert "failures: 2 × evaluator error" in lines
    assert [line for line in lines if "trial" in line and "failed (" in line] == [
        r"trial 2 failed (evaluator error): \x1b[31mValueError: new"
    ]


def test_a_table_of_some_trials_has_their_lines_in_the_given_order():
    story = Story().tried(1, 0, 3.0).tried(2, 1, 2.0).tried(3, 2, 1.0)
    table = trial_lines(story.history, [story.history.trials[3], story.history.trials[1]])
    assert [line["trial"] for line in table["lines"]] == [3, 1]
    assert table["headings"] == trial_lines(story.history)["headings"]


def test_those_that_wait_or_were_ended_by_others_say_why():
    story = Story().proposed(1, 0).started(1, 0).stopped(1, 1).parked(2, 1, "rate is far")
    assert [(line["trial"], line["status"]) for line in without_result(story.history)] == [
        (1, "stopped at step 3"),
        (2, "awaiting approval"),
    ]


def test_a_list_of_very_many_trials_has_the_best_the_newest_and_the_recommended():
    story = Story(campaign_of(baseline=None, budget={"trials": 1500}))
    for i in range(1, 1301):
        story.tried(i, i, float((i * 7919) % 1303))
    listed = [trial.id for trial in worth_listing(story.history, recommended={777})]
    assert len(listed) <= 1001
    assert listed == sorted(listed)
    assert set(range(801, 1301)) <= set(listed)
    assert 777 in listed
    best = sorted(range(1, 1301), key=lambda i: (i * 7919) % 1303)[:500]
    assert set(best) <= set(listed)


def test_with_constraints_a_column_has_the_metrics_beyond_their_limits_in_every_table():
    rows = [{"loss": 1.0, "p99_ms": 16.0}, {"loss": 2.0, "p99_ms": 15.0}, {"loss": 3.0}, {}]
    table = trial_lines(limited(rows, ["p99_ms <= 15", "p99_ms >= 1"]).history)
    at = table["headings"].index("feasible") - 2
    assert [line["cells"][at] for line in table["lines"]] == ["no: p99_ms", "yes", "no: p99_ms missing", ""]
    assert {len(line["cells"]) + 2 for line in table["lines"]} == {len(table["headings"])}
    assert "feasible" not in trial_lines(limited(rows, []).history)["headings"]
