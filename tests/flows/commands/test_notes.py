"""Notes on ignored parts of a result, and measurements at a failed point, from the outcome to the output."""

from datetime import UTC, datetime

import pytest

from overnight.campaign import (
    Campaign,
    EvaluationFailed,
    EvaluationOutcome,
    EvaluationSucceeded,
    History,
    Measurement,
)
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    TrialFailed,
    TrialObserved,
    TrialProposed,
)
from overnight.campaign.history.trial import Failure, Observation
from overnight.flows.rules.outcomes import outcome_events
from overnight.report.explanation import explanation
from overnight.report.trial_lines import noted

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTE = "`cost` was refused, so the cost of this evaluation is unknown: expected a cost of 0 or more, got -5"
CAMPAIGN = Campaign.model_validate(
    {
        "name": "notes",
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "loss",
        "budget": {"trials": 9},
    }
)
SUCCEEDED = EvaluationSucceeded(metrics={"loss": Measurement(mean=0.25)}, notes=(NOTE,))
INFEASIBLE = EvaluationFailed(
    cause="infeasible",
    message="too slow",
    metrics={"loss": Measurement(mean=0.1), "p99": Measurement(mean=6.5)},
    notes=(NOTE,),
)


def history_with(outcome: EvaluationOutcome) -> History:
    begun = History.from_events(
        [
            CampaignDefined(time=NOON, actor="a", uid="u", definition=CAMPAIGN),
            TrialProposed(time=NOON, actor="a", trial=1, point={"x": 0.5}, generator="manual"),
            AttemptStarted(time=NOON, actor="a", trial=1, attempt=1, key="k"),
        ]
    )
    return begun.extended(outcome_events(CAMPAIGN, begun.trials[1], 1, outcome, NOON, "a"))


def test_a_note_is_kept_and_shown_in_trials_and_explain() -> None:
    history = history_with(SUCCEEDED)
    assert isinstance(history.trials[1].outcome, Observation)
    assert noted(history) == [f"trial 1: {NOTE}"]
    assert f"Note: {NOTE}." in list(explanation(history, history.trials[1], {}))


def test_metrics_of_a_failure_are_kept_and_shown_and_not_learnt_from() -> None:
    history = history_with(INFEASIBLE)
    [attempt] = history.trials[1].attempts
    assert isinstance(history.trials[1].outcome, Failure)
    assert attempt.failed is not None
    assert attempt.failed.metrics == INFEASIBLE.metrics
    shown = ["measured loss 0.1, p99 6.5, which is kept", NOTE]
    assert noted(history) == [f"trial 1: {note}" for note in shown]
    said = list(explanation(history, history.trials[1], {}))
    assert said[-2:] == [f"Note: {note}." for note in shown]
    view = history.model_view()
    assert (view.observed, [trial.id for trial in view.failed]) == ((), [1])


@pytest.mark.parametrize("kind", [TrialObserved, TrialFailed])
def test_events_from_before_there_were_notes_are_read_as_having_none(kind: type[TrialObserved | TrialFailed]) -> None:
    outcome = SUCCEEDED if kind is TrialObserved else INFEASIBLE
    trial = history_with(EvaluationSucceeded(metrics={})).trials[1].model_copy(update={"outcome": None})
    for event in outcome_events(CAMPAIGN, trial, 1, outcome, NOON, "a"):
        old = event.model_dump(mode="json")
        old.pop("notes", None)
        if event.kind == "attempt_failed":
            old.pop("metrics")
        read = type(event).model_validate(old)
        assert getattr(read, "notes", ()) == ()
