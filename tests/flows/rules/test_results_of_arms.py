"""The result of an arm has an error of every metric that decides about it, and a count or a note."""

import pytest
from told_arms import NOW, ToldArms, measured

from overnight.campaign import EvaluationSucceeded, Measurement
from overnight.campaign.experiment.settings import Traffic
from overnight.campaign.history.events import AttemptFailed, TrialFailed, TrialObserved
from overnight.flows.people.trials_by_hand import report_result
from overnight.flows.rules.outcomes import outcome_events

GUARDED = {"constraints": ["hides <= 1.01 * baseline"], "traffic": Traffic(unit="users", per_batch=1000)}
COUNTED = {"clicks": measured(10, 0.1, 290), "hides": measured(1, 0.1, 290)}


def ends(metrics: dict[str, Measurement]) -> list:
    """Return the events by which an arm with 30 % of the traffic ends that has these metrics."""
    told = ToldArms(**GUARDED)
    _, arm = told.batch((0, 0.7), (7, 0.3))
    trial, found = told.history.trials[arm], EvaluationSucceeded(metrics=metrics)
    return outcome_events(told.history.definition, trial, 1, found, NOW, "c")


@pytest.mark.parametrize("missing", [("clicks",), ("hides",), ("clicks", "hides")])
def test_a_result_without_an_error_of_a_metric_of_the_goal_is_invalid(missing: tuple[str, ...]) -> None:
    failed, ended = ends(COUNTED | {name: measured(1, None, 290) for name in missing})

    assert isinstance(failed, AttemptFailed)
    assert isinstance(ended, TrialFailed)
    assert ended.cause == "invalid_result"
    named = ", ".join(f"`{name}`" for name in missing)
    assert ended.message.startswith(f"metric {named}: expected a standard error (`sem`)")


def test_other_metrics_need_no_error_and_an_exact_one_needs_no_count() -> None:
    [observed] = ends(COUNTED | {"hides": measured(1, 0), "views": measured(3, None)})

    assert isinstance(observed, TrialObserved)
    assert observed.notes == ()


def test_a_result_without_counts_is_noted_with_the_units_that_were_planned() -> None:
    [observed] = ends(COUNTED | {"clicks": measured(10, 0.1)})

    assert isinstance(observed, TrialObserved)
    [note] = observed.notes
    assert note.startswith("metric `clicks`: expected the count `n`, found none")
    assert "300 users" in note


def test_a_calculated_metric_has_the_count_of_its_parts() -> None:
    told = ToldArms(maximize="clicks - hides")
    _, arm = told.batch((0, 0.5), (7, 0.5))
    trial, found = told.history.trials[arm], EvaluationSucceeded(metrics=COUNTED)
    [observed] = outcome_events(told.history.definition, trial, 1, found, NOW, "c")

    assert isinstance(observed, TrialObserved)
    assert (observed.metrics["clicks - hides"].mean, observed.notes) == (9, ())


def test_a_result_that_a_person_reports_has_the_same_note() -> None:
    told = ToldArms(**GUARDED)
    _, arm = told.batch((0, 0.7), (7, 0.3))
    metrics = {"clicks": {"mean": 10, "sem": 0.1}, "hides": {"mean": 1, "sem": 0.1, "n": 290}}
    [*_, observed] = report_result(told.history, "ada", "late", NOW, arm, metrics)

    assert isinstance(observed, TrialObserved)
    assert ["`clicks`" in note and "300 users" in note for note in observed.notes] == [True]
