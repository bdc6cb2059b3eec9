"""Results that lack the metric of a constraint, or have that metric alone, from commands and Python functions."""

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from attempts import command, no_report, request

from overnight.campaign import Campaign, EvaluationFailed, EvaluationOutcome, EvaluationSucceeded, Measurement
from overnight.campaign.errors import InvalidDefinition
from overnight.evaluators import CommandEvaluator, PythonEvaluator, SimulatedEvaluator
from overnight.evaluators.processes.attempt_folder import AttemptFolder
from overnight.evaluators.processes.exit_status import Exit
from overnight.evaluators.results.command_result import outcome_of_exit
from overnight.evaluators.secrets.environment import Redaction
from overnight.evaluators.secrets.secret_names import name_problems

NAMES = ("p99", "p99 (ms)", "größe.µ", "a.b.c", "cost", "status", "metrics", "mean")
LOSS = Measurement(mean=0.25)
HIGH = Measurement(mean=40.0)
FUNCTIONS = """
def unmeasured(params): return {"loss": 0.25, "p99 (ms)": None}
def nan(params): return {"loss": (0.25, None), "p99 (ms)": float("nan")}
def alone(params): return 0.25
def limited_only(params): return {"loss": float("nan"), "p99 (ms)": 40}
"""


def of_file(folder: Path, written: object, *optional: str) -> EvaluationOutcome:
    """Return the outcome of an attempt that ended well and left this result."""
    attempt = AttemptFolder.at(folder / "attempt")
    attempt.result.write_text(json.dumps(written))
    asked = request("loss", *optional, optional_metrics=optional)
    return outcome_of_exit(attempt, asked, Exit(status=0, seconds=1.0), Redaction({}), result_ends=False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("found", [{}, {"f1": 0.5}])
def test_a_result_without_an_optional_metric_is_a_result(tmp_path: Path, name: str, found: dict[str, float]):
    for written in ({"loss": 0.25, **found}, {"metrics": {"loss": 0.25, **found}}):
        outcome = of_file(tmp_path, written, name)
        assert isinstance(outcome, EvaluationSucceeded), outcome
        assert set(outcome.metrics) == {"loss", *found}
        assert (outcome.metrics["loss"], outcome.notes) == (LOSS, ())


@pytest.mark.parametrize("name", NAMES)
def test_an_unusable_optional_metric_is_noted_and_costs_itself_alone(tmp_path: Path, name: str):
    for written in ({"loss": 0.25, name: float("nan")}, {"metrics": {"loss": 0.25, name: float("nan")}}):
        outcome = of_file(tmp_path, written, name)
        assert isinstance(outcome, EvaluationSucceeded), outcome
        assert outcome.metrics == {"loss": LOSS}
        assert outcome.notes == (f"metric `{name}` was ignored: expected a finite number as mean, got nan",)


@pytest.mark.parametrize("name", NAMES)
def test_a_result_without_the_objective_keeps_what_it_measured_and_its_cost(tmp_path: Path, name: str):
    written = {"metrics": {name: 40, "f1": 0.5, "words": "many"}, "cost": 2.5}
    outcome = of_file(tmp_path, written, name)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "invalid_result"
    assert outcome.message.startswith(f"expected the metric `loss`, found `{name}`, `f1`, `words`; the output was: ")
    assert outcome.metrics == {name: HIGH, "f1": Measurement(mean=0.5)}
    assert (outcome.cost, outcome.seconds) == (2.5, 1.0)
    assert outcome.notes == ("metric `words` was ignored: expected a finite number as mean, got 'many'",)


def test_a_result_that_is_no_json_keeps_nothing(tmp_path: Path):
    attempt = AttemptFolder.at(tmp_path / "attempt")
    attempt.result.write_text('{"loss": 0.25')
    outcome = outcome_of_exit(attempt, request(), Exit(status=0, seconds=1.0), Redaction({}), result_ends=False)
    assert isinstance(outcome, EvaluationFailed)
    assert (outcome.cause, outcome.metrics, outcome.cost, outcome.notes) == ("invalid_result", {}, None, ())


async def test_a_command_is_asked_for_optional_metrics_and_learns_which_they_are(tmp_path: Path):
    script = 'done(loss=0.25, metadata={name: request[name] for name in ("expected_metrics", "optional_metrics")})'
    asked = request("loss", "size", "p99 (ms)", optional_metrics=("size", "p99 (ms)"))
    outcome = await command(tmp_path, script).evaluate(asked, tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationSucceeded), outcome
    assert outcome.metadata == {
        "expected_metrics": ["loss", "size", "p99 (ms)"],
        "optional_metrics": ["size", "p99 (ms)"],
    }


@pytest.mark.parametrize("function", ["unmeasured", "nan", "alone"])
async def test_a_function_may_leave_out_an_optional_metric(tmp_path: Path, function: str):
    outcome = await of_function(tmp_path, function)
    assert isinstance(outcome, EvaluationSucceeded), outcome
    assert outcome.metrics == {"loss": LOSS}


async def test_what_a_function_measured_without_the_objective_is_kept(tmp_path: Path):
    outcome = await of_function(tmp_path, "limited_only")
    assert isinstance(outcome, EvaluationFailed)
    assert (outcome.cause, outcome.metrics) == ("invalid_result", {"p99 (ms)": HIGH})
    assert outcome.message.startswith("metric `loss`: expected a finite number as mean, got nan")


async def of_function(folder: Path, function: str) -> EvaluationOutcome:
    (folder / "functions.py").write_text(FUNCTIONS)
    asked = request("loss", "p99 (ms)", optional_metrics=("p99 (ms)",))
    evaluator = PythonEvaluator(function=f"functions:{function}", folder=folder, grace=timedelta(seconds=0.3))
    return await evaluator.evaluate(asked, folder / "attempt", no_report)


def limited(text: str) -> Campaign:
    definition = {
        "name": "test",
        "parameters": {name: {"kind": "float", "low": 0, "high": 1} for name in ("x", "y")},
        "minimize": "loss",
        "constraints": [text],
        "budget": {"trials": 1},
    }
    return Campaign.model_validate(definition)


async def test_an_evaluator_that_never_measures_the_metric_of_a_constraint_is_refused(tmp_path: Path):
    promising = CommandEvaluator(command=(sys.executable,), folder=tmp_path, returns=("loss",))
    for evaluator in (promising, SimulatedEvaluator(function="branin")):
        with pytest.raises(InvalidDefinition) as refused:
            await evaluator.check(limited("p99 (ms) <= 15"))
        [problem] = refused.value.problems
        assert problem == (
            "`constraints`: expected one of the metrics that the evaluator returns (`loss`), found `p99 (ms)`"
        )
        await evaluator.check(limited("loss <= 15"))


def test_check_refuses_a_secret_that_is_part_of_the_metric_of_a_constraint(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOKEN", "p99")
    [problem] = name_problems(["TOKEN"], limited("p99 (ms) <= 15"))
    assert problem.startswith("`evaluator.environment`: the value of `TOKEN` is part of the metric `p99 (ms)`.")
