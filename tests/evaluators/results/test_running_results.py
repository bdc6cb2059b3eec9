"""Results that say that an evaluation goes on, and results of the arms of a batch."""

import json
import sys
import types
from typing import Any

import pytest
from attempts import campaign, request

from overnight.campaign import EvaluationFailed, EvaluationSucceeded, Measurement
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.evaluation import Arm, EvaluationAnswer, EvaluationOngoing
from overnight.evaluators import PythonEvaluator, Running, call_function
from overnight.evaluators.results.command_result import outcome_of_result
from overnight.evaluators.results.written_result import InvalidResult
from overnight.evaluators.secrets.environment import Redaction

SECRET = "hunter2-hunter2"
ARMS = tuple(
    Arm(trial=trial, key=f"test/{trial}/1", parameters={"x": trial / 10}, traffic=50, ended=trial == 9)
    for trial in (7, 8, 9)
)


def answer(result: Any, *metrics: str, **changes: object) -> EvaluationAnswer:
    redaction = Redaction({"TOKEN": SECRET})
    return outcome_of_result(json.dumps(result), request(*metrics, **changes), 1.0, redaction)


def test_a_running_result_has_a_handle_and_what_is_known_so_far():
    known = {"again_in": "1h", "step": 3, "metrics": {"loss": {"mean": 1, "sem": 0.5, "n": 9}}, "cost": 4}
    found = answer({"status": "running", "handle": "exp-17", **known})
    loss = Measurement(mean=1, sem=0.5, n=9)
    assert found == EvaluationOngoing(handle="exp-17", again_in=3600, step=3, metrics={"loss": loss}, cost=4)


@pytest.mark.parametrize(("written", "seconds"), [(90, 90.0), (0.5, 0.5), ("2h30m", 9000.0), (None, None)])
def test_the_pause_is_in_seconds_or_has_a_unit(written, seconds):
    found = answer({"status": "running", "handle": 17, "again_in": written})
    assert found == EvaluationOngoing(handle="17", again_in=seconds)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "`handle`: expected a text of at most 4096 characters, by which .* is found again, found none"),
        ({"handle": ""}, "`handle`: expected a text"),
        ({"handle": ["a"]}, "`handle`: expected a text"),
        ({"handle": "a" * 5000}, "`handle`: expected a text of at most 4096 characters"),
        ({"handle": "a", "again_in": "soon"}, "`again_in`: expected a duration such as 90s"),
        ({"handle": "a", "again_in": -1}, "`again_in`: expected 0 seconds or more, found -1"),
        ({"handle": "a", "step": -1}, "`step`: expected a whole number of 0 or more, found -1"),
        ({"handle": "a", "again_in": [1]}, "`again_in`: expected a finite number"),
        ({"handle": f"exp-{SECRET}"}, r"`handle`: expected a name without secrets.*'exp-\[TOKEN\]'"),
    ],
)
def test_an_unusable_field_of_a_running_result_is_named(fields, said):
    with pytest.raises(InvalidResult, match=said) as refused:
        answer({"status": "running", **fields})
    # With it, the evaluation can be ended.
    assert refused.value.kept.handle == ("a" if fields.get("handle") == "a" else None)
    assert SECRET not in str(refused.value)


def test_a_number_that_is_secret_is_no_handle_and_a_finished_result_has_none():
    redaction = Redaction({"PIN": "40961234"})
    running = json.dumps({"status": "running", "handle": 40961234})
    with pytest.raises(InvalidResult, match=r"'\[PIN\]'"):
        outcome_of_result(running, request(), 1.0, redaction)
    finished = json.dumps({"metrics": {"loss": 1}, "handle": "40961234"})
    assert isinstance(outcome_of_result(finished, request(), 1.0, redaction), EvaluationSucceeded)


def test_secrets_are_kept_out_of_metrics_on_the_way():
    found = answer({"status": "running", "handle": "a", "metrics": {f"time_{SECRET}": 1, "loss": SECRET}})
    assert found == EvaluationOngoing(handle="a", metrics={"time_[TOKEN]": Measurement(mean=1)})


def test_the_fields_of_a_running_result_are_metrics_of_any_other():
    found = answer({"loss": 1, "step": 3, "handle": 4, "again_in": 5})
    assert isinstance(found, EvaluationSucceeded)
    assert {name: each.mean for name, each in found.metrics.items()} == {
        "loss": 1,
        "step": 3,
        "handle": 4,
        "again_in": 5,
    }


@pytest.mark.parametrize(
    "arms",
    [
        {"7": {"loss": 1}, "8": {"metrics": {"loss": [2, 0.1]}}, "5": {"loss": 3}},
        [{"loss": 1}, {"metrics": {"loss": [2, 0.1]}}],
        [1, [2, 0.1]],
    ],
    ids=["by trial", "in order", "bare values"],
)
def test_each_arm_has_the_metrics_of_its_trial(arms):
    found = answer({"arms": arms, "cost": 2}, arms=ARMS)
    assert isinstance(found, EvaluationSucceeded)
    assert (found.metrics, found.cost) == ({}, 2)
    assert found.arms[7].metrics == {"loss": Measurement(mean=1)}
    assert found.arms[8].metrics == {"loss": Measurement(mean=2, sem=0.1)}
    assert [found.arms[trial].problem for trial in (7, 8, 9)] == [None] * 3
    assert [note for note in found.notes if "`arms`: the result of 5" in note] == list(found.notes)


def test_an_arm_without_a_usable_metric_has_a_problem_and_the_others_have_none():
    found = answer({"arms": {"7": {"loss": 1}, "8": {"loss": "much"}}}, arms=ARMS[:2])
    assert isinstance(found, EvaluationSucceeded)
    assert found.arms[7].problem is None
    assert "metric `loss`: expected a finite number" in (found.arms[8].problem or "")
    missing = answer({"arms": {"7": {"loss": 1}}}, arms=ARMS)
    assert isinstance(missing, EvaluationSucceeded)
    assert missing.arms[8].problem == "expected metrics of this arm, found none"
    assert missing.arms[9].problem is None


def test_secrets_are_kept_out_of_arms():
    found = answer({"arms": {"7": {"loss": SECRET, SECRET: 1}, SECRET: 2}}, arms=ARMS[:1])
    assert SECRET not in found.model_dump_json()
    with pytest.raises(InvalidResult, match="`arms`: expected the metrics of each arm") as refused:
        answer({"arms": SECRET}, arms=ARMS[:1])
    assert SECRET not in str(refused.value)


def test_a_running_batch_has_the_metrics_of_its_arms_so_far():
    found = answer({"status": "running", "handle": "a", "arms": {"8": {"loss": 1}}}, arms=ARMS)
    assert isinstance(found, EvaluationOngoing)
    assert found.arms[8].metrics == {"loss": Measurement(mean=1)}
    assert {arm.problem for arm in found.arms.values()} == {None}


def called(monkeypatch: pytest.MonkeyPatch, function: Any, **asked: object) -> dict[str, Any]:
    module = types.ModuleType("objective")
    module.function = function  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "objective", module)
    return call_function.evaluate("objective:function", request(**asked).model_dump(mode="json"))


def test_a_function_returns_that_it_goes_on_and_receives_the_handle_at_each_look(monkeypatch):
    def function(parameters, handle, look, cancel):
        if handle is None:
            return Running("exp-1", again_in="1h")
        return {"loss": look} if look == 2 else {"status": "running", "handle": handle, "cost": cancel}

    begun = answer(called(monkeypatch, function))
    assert begun == EvaluationOngoing(handle="exp-1", again_in=3600)
    ended = answer(called(monkeypatch, function, handle="exp-1", look=2))
    assert ended.metrics["loss"].mean == 2
    assert called(monkeypatch, function, handle="exp-1", look=3, cancel=True)["cost"] is True


def test_a_function_of_arms_receives_them_all_in_place_of_the_parameters(monkeypatch):
    def function(arms):
        return [{"loss": arm["parameters"]["x"] + arm["traffic"]} for arm in arms]

    found = answer(called(monkeypatch, function, arms=ARMS), arms=ARMS)
    assert [found.arms[trial].metrics["loss"].mean for trial in (7, 8, 9)] == pytest.approx([50.7, 50.8, 50.9])


@pytest.mark.parametrize(
    ("asked", "missing"), [({"handle": "a"}, "handle"), ({"handle": "a", "cancel": True}, "cancel")]
)
def test_a_function_that_could_not_know_that_it_was_started_before_is_not_called(monkeypatch, asked, missing):
    calls = []

    def unaware(parameters):
        calls.append(parameters)

    def half_aware(parameters, handle=None):
        calls.append(parameters)

    result = called(monkeypatch, unaware if missing == "handle" else half_aware, **asked)
    assert calls == []
    assert result["status"] == "failed"
    assert f"to have a parameter `{missing}`" in result["message"]


@pytest.mark.parametrize(("parameters", "missing"), [("p", "handle"), ("p, handle", "cancel")])
async def test_a_polled_function_without_the_parameters_is_refused_by_the_check(tmp_path, parameters, missing):
    (tmp_path / "objective.py").write_text(f"def evaluate({parameters}):\n    return 1\n")
    evaluator = PythonEvaluator(function="objective:evaluate", folder=tmp_path, polled={"every": "1h"})
    with pytest.raises(InvalidDefinition, match=f"`evaluator.polled`: .* to have a parameter `{missing}`, found none"):
        await evaluator.check(campaign())


def test_a_failure_with_arms_is_a_failure():
    found = answer({"status": "infeasible", "message": "no users"}, arms=ARMS)
    assert isinstance(found, EvaluationFailed)
    assert found.message == "no users"
