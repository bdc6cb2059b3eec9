"""The results of the arms of an A/B test: without standard errors they are refused, without units they are noted."""

import pytest
from told_arms import NOW, ToldArms, measured

from overnight.campaign.evaluation import EvaluationSucceeded
from overnight.campaign.history.events import TrialFailed, TrialObserved
from overnight.flows.rules.outcomes import outcome_events


@pytest.mark.parametrize("metric", ["clicks", "errors"])
def test_a_result_without_a_standard_error_fails_its_arm_alone(metric: str) -> None:
    told = ToldArms(constraints=["errors <= 2"])
    _, arm = told.batch((0, 0.5), (7, 0.5))
    trial = told.history.trials[arm]
    metrics = {"clicks": measured(3, 0.1, 500), "errors": measured(1, 0.1, 500)} | {metric: measured(3, None, 500)}

    end = outcome_events(told.history.definition, trial, 1, EvaluationSucceeded(metrics=metrics), NOW, "c")[-1]

    assert isinstance(end, TrialFailed)
    assert end.cause == "invalid_result"
    assert end.message.startswith(f"metric `{metric}`: expected a standard error with the mean because an A/B test")


def test_a_result_without_units_is_observed_with_a_note() -> None:
    told = ToldArms()
    _, arm = told.batch((0, 0.5), (7, 0.5))
    trial = told.history.trials[arm]
    answer = EvaluationSucceeded(metrics={"clicks": measured(3, 0.1)})

    [end] = outcome_events(told.history.definition, trial, 1, answer, NOW, "c")

    assert isinstance(end, TrialObserved)
    assert [note[:35] for note in end.notes] == ["expected the units `n` of each metric"[:35]]
