import subprocess
import sys

import pytest
from told_stories import START, Story, at, campaign_of

from overnight.campaign import History
from overnight.campaign.errors import InvalidHistory
from overnight.campaign.history.events import AttemptFailed, LeaseTaken, TrialFailed
from overnight.report.finding import spent_sentence, standing_sentence
from overnight.report.status import status_lines
from overnight.report.summary import summarise
from overnight.report.trial_lines import failed_attempts, trial_lines


def half_way() -> Story:
    """Two trials observed in 60 and 180 s, one failed after attempts of 60 s each, one running, one waiting."""
    story = Story().tried(1, 0, mean=3.0).proposed(2, 1).started(2, 1).observed(2, 4, mean=2.0, seconds=180.0)
    story.proposed(3, 4).started(3, 4).failed(3, 5, retry=True).started(3, 5, attempt=2).failed(3, 6)
    return story.proposed(4, 6).started(4, 6).proposed(5, 6)


def test_each_trial_is_counted_once_by_how_it_stands():
    summary = summarise(half_way().history)
    assert (summary.observed, summary.failed, summary.running, summary.waiting) == (2, 1, 1, 1)
    assert (summary.budget, summary.workers) == (10, 2)
    assert dict(summary.failures_by_cause) == {"configuration": 1}
    assert summary.repeated_attempts == 1


def test_imported_trials_are_observed_and_outside_of_the_budget():
    story = Story(campaign_of(budget={"trials": 3}, workers=1))
    for trial in range(1, 6):
        story.imported(trial, 0, mean=float(trial))
    summary = summarise(story.tried(6, 1, mean=9.0).history)
    assert (summary.observed, summary.imported, summary.ended) == (6, 5, 1)
    assert (summary.seconds_per_trial, summary.seconds_left) == (60, 120)
    assert summary.best is not None
    assert summary.best.trial == 1
    assert standing_sentence(summary).startswith("Running. 1 of 3 trials observed, 5 imported. About 2m left")


def test_the_time_left_is_the_pace_so_far_times_what_remains_shared_by_the_workers():
    summary = summarise(half_way().history)
    assert summary.seconds_per_trial == pytest.approx((60 + 180 + 120) / 3)
    assert summary.seconds_left == pytest.approx(120 * 7 / 2)


def test_one_remaining_trial_takes_a_whole_trials_time_however_many_workers_there_are():
    story = Story(campaign_of(budget={"trials": 2}, workers=8)).tried(1, 0, mean=1.0)
    assert summarise(story.history).seconds_left == pytest.approx(60)


def test_no_more_time_is_left_than_the_wall_clock_budget_allows():
    story = Story(campaign_of(budget={"trials": 1000, "wall_clock": "10m"})).tried(1, 0, mean=1.0)
    assert summarise(story.history).seconds_left == pytest.approx(9 * 60)


def test_before_any_trial_has_ended_nothing_is_said_about_time_or_the_best():
    summary = summarise(Story().proposed(1, 0).started(1, 0).history)
    assert (summary.seconds_per_trial, summary.seconds_left, summary.best) == (None, None, None)


def test_nothing_is_left_of_a_finished_campaign():
    assert summarise(Story().tried(1, 0, mean=1.0).finished(2).history).seconds_left == 0


@pytest.mark.parametrize(("goal", "trial"), [({"minimize": "loss"}, 2), ({"maximize": "loss"}, 3)])
def test_the_best_is_the_best_in_the_direction_of_the_objective(goal: dict[str, str], trial: int):
    story = Story(campaign_of(**goal)).tried(1, 0, mean=2.0).tried(2, 1, mean=1.0).tried(3, 2, mean=3.0)
    best = summarise(story.history).best
    assert best is not None
    assert best.trial == trial


def test_of_equal_measurements_the_earliest_trial_is_the_best():
    best = summarise(Story().tried(1, 0, mean=2.0).tried(2, 1, mean=2.0).history).best
    assert best is not None
    assert best.trial == 1


def test_a_campaign_that_nobody_closed_runs_or_was_interrupted():
    history = half_way().history
    assert summarise(history).standing.kind == "running"
    assert summarise(history, alive=False).standing.kind == "interrupted"


def test_a_closed_campaign_says_why_and_runs_again_under_a_new_lease():
    story = half_way().drained(7)
    assert str(summarise(story.history, alive=False).standing) == "drained: asked to stop"
    story.events.append(LeaseTaken(time=at(90), actor="controller", epoch=2, host="h", pid=2, started="2"))
    assert str(summarise(story.history).standing) == "running"


def test_a_campaign_without_a_controller_yet_is_only_defined():
    summary = summarise(History.from_events(Story().events[:1]))
    assert summary.standing.kind == "defined"
    assert (summary.started, summary.last_event) == (START, None)


def test_a_ledger_without_a_campaign_is_refused():
    with pytest.raises(InvalidHistory, match="campaign_defined"):
        summarise(History())


def test_asking_how_a_campaign_stands_loads_neither_torch_nor_plotly():
    code = (
        "import sys, overnight.report.summary, overnight.report.tables, overnight.report.pictures.timeline\n"
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
    assert summarise(story.history).quarantined == (2,)
    assert "In quarantine, because several of their attempts died with their workers: trials 2." in standing_sentence(
        summarise(story.history)
    )
    assert [line["then"] for line in failed_attempts(story.history)] == ["tried again", "quarantined"]
    assert trial_lines(story.history)["lines"][1]["status"] == "failed: infrastructure, quarantined"
    assert "quarantined, no point close to these is tried: trial 2" in status_lines(story.history)


def costing(story: Story, cost: float) -> Story:
    story.events[-1] = story.events[-1].model_copy(update={"cost": cost})
    return story


def test_what_is_spent_is_told_where_a_budget_limits_it_or_a_cost_is_known():
    def told(story: Story) -> str:
        return spent_sentence(summarise(story.history), story.campaign.budget)

    assert told(Story().tried(1, 0, mean=1.0)) == ""
    assert told(costing(Story().tried(1, 0, mean=1.0), 2.5)) == "cost: 2.5"
    story = Story(campaign_of(budget={"trials": 9, "evaluations": 12, "cost": 40}))
    story.proposed(1, 0).started(1, 0).failed(1, 1, retry=True).started(1, 1, attempt=2).observed(1, 2, mean=1.0)
    assert told(costing(story, 2.5)) == ("evaluations: 2 of 12, cost: 5 of 40 (1 told none and count as the mean)")
