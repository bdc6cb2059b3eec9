"""A result without the metric of a constraint is observed at every door, and noted as not feasible."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from scripted_campaign import ScriptedEvaluator, a_campaign, run

from overnight.campaign import EvaluationFailed, EvaluationSucceeded, History, Measurement
from overnight.campaign.errors import InvalidResult
from overnight.campaign.history.events import AttemptStarted, CampaignDefined, TrialProposed
from overnight.campaign.history.trial import Failure, Observation
from overnight.evaluators import Infeasible
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.past_results.importing import import_events
from overnight.flows.past_results.matching import fitted
from overnight.flows.people.trials_by_hand import report_result, suggest_measured
from overnight.report.trial_lines import noted
from overnight.storage.past.results import PastResults, PastRow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
POINT = {"x": 0.5, "n": 3}
LOSS = {"loss": Measurement(mean=1.0)}
NAMES = ("p99", "p99 (ms)", "größe.µ", "a.b.c", "loss.p99")


def limited(name: str = "p99", **changes: Any) -> dict[str, Any]:
    return {"constraints": [f"{name} <= 15", "loss <= 9"], **changes}


def lacks(name: str, found: str = "`loss`") -> str:
    expected = f"expected the metric `{name}`, which a constraint limits, found {found}"
    return f"this result does not count as feasible: {expected}"


def ignored(name: str, got: str = "nan") -> str:
    return f"metric `{name}` was ignored: expected a finite number as mean, got {got}"


def begun(**changes: Any) -> History:
    campaign = a_campaign(**changes)
    return History.from_events([CampaignDefined(time=NOON, actor="test", uid="u", definition=campaign)])


def observation(history: History, trial: int = 1) -> Observation:
    outcome = history.trials[trial].outcome
    assert isinstance(outcome, Observation)
    return outcome


async def evaluated(outcome: EvaluationSucceeded | EvaluationFailed) -> History:
    """Return the history of a campaign of one trial, which a controller has run."""
    campaign = a_campaign(**limited(budget={"trials": 1}))
    return await run(campaign, ScriptedEvaluator(lambda trial, attempt: outcome))


def asked(folder: Path, **changes: Any) -> AskTell:
    definition = a_campaign(**changes).model_dump(mode="json", exclude_none=True)
    evaluator = {"kind": "command", "command": ["true"]}
    return AskTell(definition | {"ledger": str(folder), "evaluator": evaluator, "proposer": {"kind": "sobol"}})


async def test_an_evaluation_without_the_metric_of_a_constraint_is_observed_and_noted():
    history = await evaluated(EvaluationSucceeded(metrics=LOSS, notes=(ignored("p99"),)))
    assert (observation(history).metrics, observation(history).notes) == (LOSS, (lacks("p99"), ignored("p99")))
    assert not history.goal.feasible(history.trials[1].measured)
    assert len(history.model_view().observed) == 1
    assert noted(history) == [f"trial 1: {lacks('p99')}", f"trial 1: {ignored('p99')}"]


async def test_an_evaluation_with_every_metric_has_no_note():
    history = await evaluated(EvaluationSucceeded(metrics=LOSS | {"p99": Measurement(mean=15.0)}))
    assert observation(history).notes == ()
    assert history.goal.feasible(history.trials[1].measured)


async def test_what_a_failed_evaluation_measured_for_a_constraint_is_kept_with_its_attempt():
    measured = {"p99": Measurement(mean=40.0)}
    history = await evaluated(EvaluationFailed(cause="invalid_result", message="no loss", metrics=measured))
    [attempt] = history.trials[1].attempts
    assert isinstance(history.trials[1].outcome, Failure)
    assert attempt.failed is not None
    assert (attempt.failed.metrics, attempt.failed.notes) == (measured, ())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("result", [1.0, (1.0, None), {"loss": 1.0}])
def test_a_loop_of_ones_own_may_give_the_objective_alone(tmp_path, name, result):
    campaign = asked(tmp_path, **limited(name))
    campaign.tell(campaign.ask(), result)
    found = observation(campaign.history)
    assert (found.metrics, found.notes) == (LOSS, (lacks(name),))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("value", "got"), [(math.nan, "nan"), (math.inf, "inf"), (None, "None"), ("slow", "'slow'")])
def test_a_loop_of_ones_own_may_give_an_unusable_metric_of_a_constraint(tmp_path, name, value, got):
    campaign = asked(tmp_path, **limited(name))
    campaign.tell(campaign.ask(), {"loss": 1.0, "size": 3.0, name: value})
    found = observation(campaign.history)
    assert {metric: measured.mean for metric, measured in found.metrics.items()} == {"loss": 1.0, "size": 3.0}
    assert found.notes == (lacks(name, "`loss`, `size`"), ignored(name, got))


def test_a_loop_of_ones_own_may_not_leave_out_the_objective_or_a_required_metric(tmp_path):
    campaign = asked(tmp_path, **limited(metrics=["size"]))
    trial = campaign.ask()
    for result, problem in (
        ({"p99": 3.0, "size": 2.0}, "expected the metric `loss`, found `p99`, `size`"),
        ({"loss": 3.0, "p99": 3.0}, "expected the metric `size`, found `loss`, `p99`"),
        ({"loss": 3.0, "p99": 3.0, "size": math.nan}, "metric `size`: expected a finite number as mean, got nan"),
    ):
        with pytest.raises(InvalidResult) as refused:
            campaign.tell(trial, result)
        assert problem in str(refused.value)
        assert campaign.history.trials[trial.id].outcome is None


def test_a_metric_that_is_also_listed_as_a_metric_is_required(tmp_path):
    campaign = asked(tmp_path, **limited(metrics=["p99"]))
    with pytest.raises(InvalidResult, match="expected the metric `p99`, found `loss`"):
        campaign.tell(campaign.ask(), 1.0)


def test_a_loop_of_ones_own_keeps_what_an_infeasible_point_measured_for_a_constraint(tmp_path):
    campaign = asked(tmp_path, **limited())
    campaign.tell(campaign.ask(), Infeasible("too slow", metrics={"p99": 40.0}))
    [attempt] = campaign.history.trials[1].attempts
    assert attempt.failed is not None
    assert attempt.failed.metrics == {"p99": Measurement(mean=40.0)}


def test_a_report_before_the_end_needs_the_objective_alone(tmp_path):
    campaign = asked(tmp_path, **limited(stop_early={"rule": "median"}))
    trial = campaign.ask()
    assert campaign.report(trial, 1, 0.5) is None
    assert campaign.report(trial, 2, {"loss": 0.4, "p99": math.nan}) is None
    reports = campaign.history.reports[trial.id]
    assert [report.metrics for report in reports] == [{"loss": Measurement(mean=loss)} for loss in (0.5, 0.4)]


@pytest.mark.parametrize("name", NAMES)
def test_a_result_that_a_person_reports_may_lack_the_metric_of_a_constraint(name):
    history = begun(**limited(name))
    history = history.extended(suggest_measured(history, "ada", "", NOON, POINT, {"loss": 1.0, name: None}))
    proposed = TrialProposed(time=NOON, actor="ada", trial=2, point=POINT, generator="manual")
    history = history.extended([proposed, AttemptStarted(time=NOON, actor="ask", trial=2, attempt=1, key="k")])
    history = history.extended(report_result(history, "ada", "", NOON, 2, {"loss": 1.0}))
    assert observation(history, 1).notes == (lacks(name), ignored(name, "None"))
    assert (observation(history, 2).metrics, observation(history, 2).notes) == (LOSS, (lacks(name),))


def test_a_result_that_a_person_reports_without_the_objective_is_refused():
    with pytest.raises(InvalidResult, match=r"^metrics: expected the metric `loss`, found `p99`"):
        suggest_measured(begun(**limited()), "ada", "", NOON, POINT, {"p99": 1.0})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("empty", [None, "", math.nan])
def test_a_past_result_may_lack_the_metric_of_a_constraint(name, empty):
    history = begun(**limited(name))
    rows = PastRow("line 2", POINT, {"loss": 1.0, name: empty}), PastRow("line 3", POINT, {"loss": 1.0, name: 3.0})
    found = fitted(history.definition, PastResults("past.csv", rows, ("x", "n", "loss", name)))
    assert found.problems == ()
    history = history.extended(import_events(found.observations, 1, NOON))
    assert [observation(history, trial).notes for trial in (1, 2)] == [(lacks(name),), ()]
    assert [history.goal.feasible(history.trials[trial].measured) for trial in (1, 2)] == [False, True]
