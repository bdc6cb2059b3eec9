import subprocess
import sys

import pytest
from standing import status_lines, story_about
from told_stories import START, Story, at, campaign_of

from overnight.campaign import History, Measurement
from overnight.campaign.errors import InvalidHistory
from overnight.campaign.history.events import AttemptFailed, LeaseTaken, MeasurementReported, TrialFailed
from overnight.report.finding import standing_sentence
from overnight.report.phrases.general import spent_text
from overnight.report.story import story_of
from overnight.report.trial_lines import failed_attempts, trial_lines


def half_way() -> Story:
    """Two trials observed in 60 and 180 s, one failed after attempts of 60 s each, one running, one waiting."""
    story = Story().tried(1, 0, mean=3.0).proposed(2, 1).started(2, 1).observed(2, 4, mean=2.0, seconds=180.0)
    story.proposed(3, 4).started(3, 4).failed(3, 5, retry=True).started(3, 5, attempt=2).failed(3, 6)
    return story.proposed(4, 6).started(4, 6).proposed(5, 6)


def test_each_trial_is_counted_once_by_how_it_stands():
    story = story_about(half_way().history)
    counts = {status: count for status, count in story.spent.trials.items() if count}
    assert counts == {"observed": 2, "failed": 1, "running": 1, "waiting": 1}
    assert (story.spent.limits.trials, story.spent.workers) == (10, 2)
    assert {cause: count for cause, count in story.failures.by_cause.items() if count} == {"configuration": 1}
    assert story.spent.repeated_attempts == 1


def test_imported_trials_are_observed_and_outside_of_the_budget():
    story = Story(campaign_of(budget={"trials": 3}, workers=1))
    for trial in range(1, 6):
        story.imported(trial, 0, mean=float(trial))
    summary = story_about(story.tried(6, 1, mean=9.0).history)
    spent = summary.spent
    assert (spent.trials["observed"], spent.imported, spent.ended) == (6, 5, 1)
    assert (spent.seconds_per_trial, spent.seconds_left) == (60, 120)
    assert summary.best.measured is not None
    assert summary.best.measured.trial == 1
    assert standing_sentence(summary).startswith("Running. 1 of 3 trials observed, 5 imported. About 2m left")


def test_the_time_left_is_the_pace_so_far_times_what_remains_shared_by_the_workers():
    summary = story_about(half_way().history).spent
    assert summary.seconds_per_trial == pytest.approx((60 + 180 + 120) / 3)
    # Only one of the two workers was busy at a time: attempts began 3, 1 and 1 minutes after a worker was free.
    assert summary.seconds_left == pytest.approx((120 + 60) * 7 / 2)


def test_one_remaining_trial_takes_a_whole_trials_time_however_many_workers_there_are():
    story = Story(campaign_of(budget={"trials": 2}, workers=8)).tried(1, 0, mean=1.0)
    assert story_about(story.history).spent.seconds_left == pytest.approx(60)


def test_no_more_time_is_left_than_the_wall_clock_budget_allows():
    story = Story(campaign_of(budget={"trials": 1000, "wall_clock": "10m"})).tried(1, 0, mean=1.0)
    assert story_about(story.history).spent.seconds_left == pytest.approx(9 * 60)


def one_worker(*starts: float, workers: int = 1) -> Story:
    """A campaign of 10 trials, with trials of one minute that started at these minutes."""
    story = Story(campaign_of(workers=workers))
    for trial, start in enumerate(starts, start=1):
        story.tried(trial, start, mean=1.0)
    return story


def test_the_time_left_includes_the_time_for_which_a_worker_waits_for_a_proposal():
    spent = story_about(one_worker(0, 3, 6).history).spent
    assert (spent.seconds_per_trial, spent.seconds_left) == (60, 7 * (60 + 120))


def test_the_wait_before_the_next_trials_is_that_of_the_latest_ones_and_a_night_between_them_does_not_count():
    quick = [float(minute) for minute in range(4)]
    assert story_about(one_worker(*quick, 600, 601.5).history).spent.seconds_left == pytest.approx(4 * 60)
    slow = [4 + 3 * minute for minute in range(12)]
    story = Story(campaign_of(workers=1, budget={"trials": 20}))
    for trial, start in enumerate([*quick, *slow], start=1):
        story.tried(trial, start, mean=1.0)
    assert story_about(story.history).spent.seconds_left == pytest.approx(4 * (60 + 120))


def test_a_worker_that_has_not_started_anything_yet_has_waited_for_nothing():
    assert story_about(one_worker(0, 5, workers=8).history).spent.seconds_left == pytest.approx(60)


def test_workers_that_share_a_slow_proposer_wait_for_their_turns():
    """Four workers and a proposal in two minutes: trials of one minute cannot be done faster than the proposals."""
    story = Story(campaign_of(workers=4, budget={"trials": 30}))
    for trial in range(1, 21):
        story.tried(trial, 2.0 * trial, mean=1.0)
    assert story_about(story.history).spent.seconds_left == pytest.approx(10 * 120)


def test_before_any_trial_has_ended_nothing_is_said_about_time_or_the_best():
    summary = story_about(Story().proposed(1, 0).started(1, 0).history)
    assert (summary.spent.seconds_per_trial, summary.spent.seconds_left, summary.best.measured) == (None, None, None)


def test_nothing_is_left_of_a_finished_campaign():
    assert story_about(Story().tried(1, 0, mean=1.0).finished(2).history).spent.seconds_left == 0


@pytest.mark.parametrize(("goal", "trial"), [({"minimize": "loss"}, 2), ({"maximize": "loss"}, 3)])
def test_the_best_is_the_best_in_the_direction_of_the_objective(goal: dict[str, str], trial: int):
    story = Story(campaign_of(**goal)).tried(1, 0, mean=2.0).tried(2, 1, mean=1.0).tried(3, 2, mean=3.0)
    best = story_about(story.history).best.measured
    assert best is not None
    assert best.trial == trial


def test_of_equal_measurements_the_earliest_trial_is_the_best():
    best = story_about(Story().tried(1, 0, mean=2.0).tried(2, 1, mean=2.0).history).best.measured
    assert best is not None
    assert best.trial == 1


def test_a_campaign_that_nobody_closed_runs_or_was_interrupted():
    history = half_way().history
    assert story_about(history).standing.state == "running"
    assert story_about(history, alive=False).standing.state == "interrupted"


def test_a_closed_campaign_says_why_and_runs_again_under_a_new_lease():
    story = half_way().drained(7)
    assert str(story_about(story.history, alive=False).standing) == "drained: asked to stop"
    story.events.append(LeaseTaken(time=at(90), actor="controller", epoch=2, host="h", pid=2, started="2"))
    assert str(story_about(story.history).standing) == "running"


def test_a_running_campaign_that_waits_for_people_is_called_so():
    running = Story().tried(1, 0, mean=1.0)
    assert story_about(running.history).standing.called == "running"
    assert story_about(running.paused(2).history).standing.called == "paused"
    parked = Story(campaign_of(approve="always", workers=1)).parked(1, 0, "far")
    assert story_about(parked.history).standing.called == "waiting"


def test_a_campaign_without_a_controller_yet_is_only_defined():
    summary = story_about(History.from_events(Story().events[:1]))
    assert summary.standing.state == "defined"
    assert (summary.standing.since, summary.standing.next_step) == (START, "`overnight run` starts it")


def test_a_ledger_without_a_campaign_is_refused():
    with pytest.raises(InvalidHistory, match="campaign_defined"):
        story_of(History(), START)


def test_asking_how_a_campaign_stands_loads_neither_torch_nor_plotly():
    code = (
        "import sys, overnight.report.story, overnight.report.tables, overnight.report.pictures.timeline\n"
        "heavy = {'overnight.bo_core', 'torch', 'plotly', 'jinja2', 'prefect'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_points_in_quarantine_are_named():
    story = Story().tried(1, 0, mean=1.0).proposed(2, 1).started(2, 1).failed(2, 2, retry=True)
    story.started(2, 3, attempt=2)
    about = {
        "time": at(4),
        "actor": "controller",
        "trial": 2,
        "attempt": 2,
        "cause": "infrastructure",
        "message": "gone",
    }
    story.events += [AttemptFailed(**about, will_retry=False), TrialFailed(**about, quarantined=True)]
    assert story_about(story.history).failures.quarantined == (2,)
    line = "uarantined, because several of their attempts died with their workers: trial 2; no point close to these"
    assert f"q{line} is tried" in status_lines(story.history)
    assert f"Q{line} is tried." in standing_sentence(story_about(story.history))
    assert [line["then"] for line in failed_attempts(story.history)] == ["tried again", "quarantined"]
    assert trial_lines(story.history)["lines"][1]["status"] == "failed: infrastructure, quarantined"


def test_attempts_that_were_tried_again_are_counted_by_cause_and_cancelled_ones_are_not():
    story = Story().proposed(1, 0).started(1, 0).failed(1, 1, retry=True)
    story.started(1, 2, attempt=2)
    about = {"time": at(3), "actor": "controller", "trial": 1, "attempt": 2, "will_retry": True}
    story.events.append(AttemptFailed(**about, cause="infrastructure", message="the pod was evicted\nat noon"))
    story.started(1, 4, attempt=3)
    about |= {"time": at(5), "attempt": 3}
    story.events.append(AttemptFailed(**about, cause="cancelled", message="stopped by the controller"))
    [line] = [line for line in status_lines(story.history) if line.startswith("attempts tried again")]
    assert line == "attempts tried again: 2 × infrastructure; the newest, of trial 1: the pod was evicted"
    assert not [line for line in status_lines(Story().tried(1, 0, mean=1.0).history) if "tried again" in line]


def costing(story: Story, cost: float) -> Story:
    story.events[-1] = story.events[-1].model_copy(update={"cost": cost})
    return story


def test_what_is_spent_is_told_where_a_budget_limits_it_or_a_cost_is_known():
    def told(story: Story) -> str:
        return spent_text(story_about(story.history).spent)

    assert told(Story().tried(1, 0, mean=1.0)) == ""
    assert told(costing(Story().tried(1, 0, mean=1.0), 2.5)) == "cost: 2.5"
    story = Story(campaign_of(budget={"trials": 9, "evaluations": 12, "cost": 40}))
    story.proposed(1, 0).started(1, 0).failed(1, 1, retry=True).started(1, 1, attempt=2).observed(1, 2, mean=1.0)
    assert told(costing(story, 2.5)) == ("evaluations: 2 of 12, cost: 5 of 40 (1 reported none and count as the mean)")


def test_reports_of_the_parts_of_a_calculated_metric_are_reports_of_it():
    goal = {"minimize": "log(loss)", "stop_early": {"rule": "improbable"}}
    story = Story(campaign_of(**goal))
    for trial in range(1, 5):
        story.proposed(trial, trial).started(trial, trial)
        report = {"step": 1, "metrics": {"loss": Measurement(mean=2.0)}}
        about = {"time": at(trial), "actor": "controller", "trial": trial, "attempt": 1}
        story.events.append(MeasurementReported.model_validate(about | report))
        story.observed(trial, trial + 0.5, mean=1.0)
    assert story_about(story.history).failures.unreported == 0
    unheard = [event for event in story.events if not isinstance(event, MeasurementReported)]
    assert story_about(History.from_events(unheard)).failures.unreported == 4
