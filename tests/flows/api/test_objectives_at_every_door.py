"""Results of campaigns with several objectives have all of them at every door: loops, people, imports, evaluations."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from scripted_campaign import ScriptedEvaluator, a_campaign, run

from overnight.campaign import EvaluationFailed, EvaluationSucceeded, History, Measurement
from overnight.campaign.errors import CannotImport, InvalidResult
from overnight.campaign.history.events import CampaignDefined
from overnight.campaign.history.trial import Failure, Observation
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.past_results.matching import fitted
from overnight.flows.people.trials_by_hand import suggest_measured
from overnight.storage.past.results import PastResults, PastRow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
POINT = {"x": 0.5, "n": 3}
TWO: dict[str, Any] = {"minimize": None, "objectives": [{"minimize": "loss", "worst": 9}, {"maximize": "gain"}]}
BOTH = {"loss": Measurement(mean=1.0), "gain": Measurement(mean=2.0, sem=0.5)}


def asked(folder: Path, **changes: Any) -> AskTell:
    parts = {"evaluator": {"kind": "command", "command": ["true"]}, "proposer": {"kind": "sobol"}}
    parts |= {key: changes.pop(key) for key in ("proposer",) if key in changes}
    definition = a_campaign(**TWO, **changes).model_dump(mode="json", exclude_none=True)
    return AskTell(definition | {"ledger": str(folder)} | parts)


def measured(campaign: AskTell, trial: int = 1) -> dict[str, Measurement]:
    outcome = campaign.history.trials[trial].outcome
    assert isinstance(outcome, Observation)
    return dict(outcome.metrics)


def test_a_loop_of_ones_own_gives_all_objectives_by_name(tmp_path):
    campaign = asked(tmp_path)
    campaign.tell(campaign.ask(), {"loss": 1.0, "gain": (2.0, 0.5)})
    assert measured(campaign) == BOTH


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (1.0, "expected the metric `gain`, found `loss`"),
        ((1.0, 2.0), "expected the metric `gain`, found `loss`"),
        ((1.0, 2.0, 3.0), "expected the metric `gain`, found `loss`"),
    ],
    ids=str,
)
def test_a_number_or_a_tuple_is_refused_with_the_form_that_is_meant(tmp_path, result, problem):
    campaign = asked(tmp_path)
    trial = campaign.ask()
    with pytest.raises(InvalidResult) as refused:
        campaign.tell(trial, result)
    assert problem in str(refused.value)
    assert "needs them by name: {'loss': …, 'gain': …}." in str(refused.value)
    assert campaign.history.trials[trial.id].outcome is None


@pytest.mark.parametrize("missing", ["loss", "gain"])
def test_a_loop_of_ones_own_may_not_leave_out_an_objective(tmp_path, missing):
    campaign = asked(tmp_path)
    result = {name: value for name, value in {"loss": 1.0, "gain": 2.0, "size": 3.0}.items() if name != missing}
    with pytest.raises(InvalidResult, match=f"expected the metric `{missing}`, found"):
        campaign.tell(campaign.ask(), result)
    with pytest.raises(InvalidResult, match=f"metric `{missing}`: expected a finite number as mean, got nan"):
        campaign.tell(1, result | {missing: math.nan})


@pytest.mark.parametrize(("noise", "sem", "problem"), [("known", None, "found none"), ("none", 0.5, "found 0.5")])
def test_the_noise_that_is_promised_holds_for_every_objective(tmp_path, noise, sem, problem):
    campaign = asked(tmp_path, noise=noise)
    fine = (1.0, 0.25) if noise == "known" else 1.0
    trial = campaign.ask()
    for name, other in (("loss", "gain"), ("gain", "loss")):
        with pytest.raises(InvalidResult, match=f"metric `{name}`: expected .* because of `noise: {noise}`, {problem}"):
            campaign.tell(trial, {name: (1.0, sem), other: fine})
    campaign.tell(trial, {"loss": fine, "gain": fine})


def test_a_report_before_the_end_needs_one_metric_of_the_goal(tmp_path):
    campaign = asked(tmp_path, constraints=["p99 <= 9"])
    trial = campaign.ask()
    reports = [0.5, {"gain": 1.0}, {"p99": 3.0, "size": 2.0}, {"loss": 0.25, "gain": 2.0}]
    for step, report in enumerate(reports):
        assert campaign.report(trial, step, report) is None
    found = [sorted(report.metrics) for report in campaign.history.reports[trial.id]]
    assert found == [["loss"], ["gain"], ["p99", "size"], ["gain", "loss"]]
    for report in ({"size": 3.0}, {"gain": math.nan}, {}, math.inf):
        with pytest.raises(InvalidResult, match="Nothing was written"):
            campaign.report(trial, 9, report)


async def test_an_evaluation_without_an_objective_fails_and_keeps_the_other_one():
    kept = {"loss": Measurement(mean=3.0)}
    failed = EvaluationFailed(cause="invalid_result", message="expected the metric `gain`", metrics=kept)
    good = EvaluationSucceeded(metrics=BOTH)
    campaign = a_campaign(**TWO, budget={"trials": 2}, workers=1)
    history = await run(campaign, ScriptedEvaluator(lambda trial, attempt: failed if trial == 1 else good))
    [attempt] = history.trials[1].attempts
    assert isinstance(history.trials[1].outcome, Failure)
    assert attempt.failed is not None
    assert attempt.failed.metrics == kept
    assert history.trials[2].measured == BOTH
    assert [trial.id for trial in history.goal.front(history.trials.values())] == [2]


def begun(**changes: Any) -> History:
    campaign = a_campaign(**TWO, **changes)
    return History.from_events([CampaignDefined(time=NOON, actor="test", uid="u", definition=campaign)])


def test_a_result_that_a_person_reports_has_every_objective():
    history = begun()
    with pytest.raises(InvalidResult, match=r"^metrics: expected the metric `gain`, found `loss`"):
        suggest_measured(history, "ada", "", NOON, POINT, {"loss": 1.0})
    history = history.extended(suggest_measured(history, "ada", "", NOON, POINT, {"loss": 1.0, "gain": [2.0, 0.5]}))
    assert history.trials[1].measured == BOTH


@pytest.mark.parametrize("empty", [None, "", math.nan])
def test_a_past_result_that_lacks_an_objective_is_left_out(empty):
    rows = (
        PastRow("line 2", POINT, {"loss": "1.0", "gain": empty}),
        PastRow("line 3", POINT, {"loss": empty, "gain": 2.0}),
        PastRow("line 4", POINT, {"loss": "1.0", "gain": "2.0"}, {"gain": "0.5"}),
    )
    found = fitted(begun().definition, PastResults("past.csv", rows, ("x", "n", "loss", "gain")))
    assert [observation.metrics for observation in found.observations] == [BOTH]
    assert (found.unmeasured, found.misfits) == (2, 0)


def test_a_source_without_an_objective_is_refused():
    rows = (PastRow("line 2", POINT, {"loss": 1.0}),)
    with pytest.raises(CannotImport, match=r"past.csv: expected values of `gain` for campaign `.*`, found only"):
        fitted(begun().definition, PastResults("past.csv", rows, ("x", "n", "loss")))


def test_a_loop_of_ones_own_is_recommended_one_of_a_front(tmp_path):
    campaign = asked(
        tmp_path,
        noise="none",
        parameters={"x": {"kind": "float", "low": 0, "high": 1}},
        proposer={"kind": "bayesian", "initial": 4},
        prefer=["loss <= 0.1"],
    )
    # Two at a time: the second one is proposed while the first one is pending.
    for _ in range(4):
        trials = [campaign.ask(), campaign.ask()]
        for trial in reversed(trials):
            x = trial.point["x"]
            campaign.tell(trial, {"loss": x**2, "gain": 1.0 - (1.0 - x) ** 2})
    history = campaign.history
    found = campaign.recommend()
    assert found is not None
    front = history.goal.best_first(history.goal.front(history.trials.values()))
    assert [point.trial for point in found.front] == [trial.id for trial in front]
    assert (found.worst["loss"], found.preferred) == (9, True)
    [chosen] = [point for point in found.front if point.trial == found.trial]
    assert chosen.point == found.point
    assert history.trials[chosen.trial].measured["loss"].mean <= 0.1
    assert campaign.recommend(anywhere=False) == found
