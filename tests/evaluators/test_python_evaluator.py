"""The ways in which a Python function may behave, and the outcome of its attempt."""

import textwrap
from pathlib import Path

import pytest
from attempts import campaign, no_report, request

from overnight.campaign import EvaluationFailed, EvaluationOutcome, EvaluationSucceeded, Measurement
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.evaluation import EvaluationReport
from overnight.evaluators import PythonEvaluator

FUNCTIONS = """
import os, sys
from typing import TypedDict

from overnight.evaluators import Infeasible

class Metrics(TypedDict):
    loss: float
    size: tuple[float, float]

class Half:
    def __float__(self):
        return 0.5

class TooHot(Infeasible):
    pass

def number(params): return params["x"] * params["n"]
def foreign_number(params): return Half()
def pair(params): return 1, 0.25
def metrics(params): return {"loss": (1, None), "size": {"mean": 2, "sem": 0, "n": 9}, "extra": Half()}
def seeded(params, *, seed): return seed
def reporting(params, report):
    report(1, 5)
    report(2, {"loss": (4, 0.5), "size": Half()})
    return 3
def raising(params):
    return helper(params)
def helper(params):
    raise ValueError("the rate\\nis too high")
def raising_in_a_library(params):
    import json
    return json.loads("{")
def hot(params): raise TooHot("melts at 300 K")
def retry(params): sys.exit(75)
def nothing(params): pass
def text(params): return "0.5"
def nan(params): return float("nan")
def out_of_memory(params): raise MemoryError
def noisy(params):
    print('{"metrics": {"loss": 9}}')
    return 1
def secret(params): raise RuntimeError("login " + os.environ["TOKEN"])
def environment(params): return {"loss": "SHELL" in os.environ}
def typed(params) -> Metrics: return {"loss": 1, "size": (1, 1)}
def plain(params) -> float: return 1.0
def annotated_pair(params) -> tuple[float, float]: return 1.0, 1.0
def unknown(params) -> dict[str, float]: return {}
def charged(params, charge):
    charge(0.25)
    charge(2)
    return 1
def charged_in_vain(params, charge):
    charge(3)
    raise ValueError("it was for nothing")
def no_parameters(): return 1
def too_many(params, model): return 1
def everything(params, *args, seed=1, report=None, **kwargs): return 1
not_a_function = 3
"""


def evaluator(tmp_path: Path, name: str, **fields: object) -> PythonEvaluator:
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    values = {"function": f"functions:{name}", "folder": tmp_path, "grace": 0.3, **fields}
    return PythonEvaluator.model_validate(values)


async def outcome_of(tmp_path: Path, function: str, *metrics: str, **fields: object) -> EvaluationOutcome:
    return await evaluator(tmp_path, function, **fields).evaluate(request(*metrics), tmp_path / "attempt", no_report)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("number", {"loss": Measurement(mean=0.3 * 4)}),
        ("foreign_number", {"loss": Measurement(mean=0.5)}),
        ("pair", {"loss": Measurement(mean=1, sem=0.25)}),
        (
            "metrics",
            {"loss": Measurement(mean=1), "size": Measurement(mean=2, sem=0, n=9), "extra": Measurement(mean=0.5)},
        ),
        ("seeded", {"loss": Measurement(mean=17)}),
        ("noisy", {"loss": Measurement(mean=1)}),
        ("environment", {"loss": Measurement(mean=0)}),
        ("everything", {"loss": Measurement(mean=1)}),
    ],
)
async def test_what_a_function_returns_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, expected: dict[str, Measurement]
):
    monkeypatch.setenv("SHELL", "/bin/sh")
    outcome = await outcome_of(tmp_path, function)
    assert isinstance(outcome, EvaluationSucceeded), outcome
    assert outcome.metrics == expected


@pytest.mark.parametrize(
    ("function", "cause", "message"),
    [
        ("raising", "configuration", "ValueError: the rate is too high (functions.py:"),
        ("raising_in_a_library", "configuration", "(functions.py:"),
        ("out_of_memory", "configuration", "MemoryError (functions.py:"),
        ("hot", "infeasible", "TooHot: melts at 300 K"),
        ("retry", "infrastructure", "exit code 75"),
        ("nothing", "invalid_result", "got None"),
        ("text", "invalid_result", "got '0.5'"),
        ("nan", "invalid_result", "got nan"),
        ("metrics_", "configuration", "expected `metrics_` in `functions`"),
        ("too_many", "configuration", "too_many(params, model)"),
    ],
)
async def test_a_function_that_fails_says_how_in_one_line(tmp_path: Path, function: str, cause: str, message: str):
    outcome = await outcome_of(tmp_path, function)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == cause
    assert message in outcome.message
    assert "\n" not in outcome.message


async def test_the_place_is_the_innermost_line_of_the_users_own(tmp_path: Path):
    outcome = await outcome_of(tmp_path, "raising")
    assert isinstance(outcome, EvaluationFailed)
    line = next(i for i, text in enumerate(FUNCTIONS.splitlines(), 1) if "raise ValueError" in text)
    assert outcome.message.endswith(f"(functions.py:{line})")


async def test_a_function_tells_what_it_cost_also_where_it_fails(tmp_path: Path):
    costs = [(await outcome_of(tmp_path / name, name)).cost for name in ("charged", "charged_in_vain", "number")]
    assert costs == [2.25, 3.0, None]


async def test_a_function_reports_on_its_way(tmp_path: Path):
    heard: list[EvaluationReport] = []
    await evaluator(tmp_path, "reporting").evaluate(request(), tmp_path / "attempt", heard.append)
    assert [report.step for report in heard] == [1, 2]
    assert heard[1].metrics == {"loss": Measurement(mean=4, sem=0.5), "size": Measurement(mean=0.5)}


async def test_a_hanging_function_is_stopped_in_time(tmp_path: Path):
    (tmp_path / "hanging.py").write_text("import time\ndef hang(params):\n    time.sleep(1000)\n")
    hanging = PythonEvaluator.model_validate({"function": "hanging:hang", "folder": tmp_path, "time_limit": 0.5})
    outcome = await hanging.evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "timeout"


async def test_a_secret_in_an_exception_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOKEN", "swordfish")
    outcome = await outcome_of(tmp_path, "secret", environment=("TOKEN",))
    assert isinstance(outcome, EvaluationFailed)
    assert "RuntimeError: login [TOKEN]" in outcome.message


async def test_a_finished_call_can_be_recovered(tmp_path: Path):
    first = await outcome_of(tmp_path, "pair")
    again = await evaluator(tmp_path, "pair").recover(request(), tmp_path / "attempt", no_report)
    assert first == again


@pytest.mark.parametrize(
    ("function", "metrics"),
    [("typed", ("size",)), ("plain", ()), ("annotated_pair", ()), ("unknown", ("size",)), ("everything", ("size",))],
)
async def test_check_accepts_functions_that_can_be_called(tmp_path: Path, function: str, metrics: tuple[str, ...]):
    await evaluator(tmp_path, function).check(campaign(*metrics))


@pytest.mark.parametrize(
    ("fields", "metrics", "problem"),
    [
        ({"function": "no_such_module:f"}, (), "`evaluator.function`: expected a module `no_such_module` in /"),
        ({"function": "function:number"}, (), "installed packages, found none; did you mean `functions`?"),
        ({"function": "functions.py:number"}, (), "found none; write `functions`, without `.py`"),
        ({"function": "nested.inner:number"}, (), "expected a module `nested.inner` in /"),
        ({"function": "importing:f"}, (), "ModuleNotFoundError: No module named 'no_such_library' (importing.py:1)"),
        ({"function": "broken:f"}, (), "`evaluator.function`: SyntaxError"),
        ({"function": "leaving:f"}, (), "`evaluator.function`: SystemExit"),
        ({"function": "dying:f"}, (), "`evaluator.function`: expected the import to succeed"),
        ({"function": "functions:numbr"}, (), "`evaluator.function`: expected `numbr` in `functions`, found"),
        ({"function": "functions:not_a_function"}, (), "`evaluator.function`: expected a function, found int 3"),
        ({"function": "functions:no_parameters"}, (), "no_parameters()"),
        ({"function": "functions:too_many"}, (), "missing a required argument: 'model'"),
        ({"function": "functions:typed"}, ("speed",), "`metrics`: expected one of"),
        ({"function": "functions:plain"}, ("size",), "`metrics`: expected one of"),
        ({"function": "functions:number", "returns": ("cost",)}, (), "`minimize`: expected one of"),
        ({"function": "functions:number", "environment": ("NO_SUCH",)}, (), "`evaluator.environment`"),
    ],
)
async def test_check_refuses_what_could_not_succeed(
    tmp_path: Path, fields: dict[str, object], metrics: tuple[str, ...], problem: str
):
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "leaving.py").write_text("raise SystemExit(1)\n")
    (tmp_path / "dying.py").write_text("import os\nos.abort()\n")
    (tmp_path / "importing.py").write_text("import no_such_library\n")
    with pytest.raises(InvalidDefinition) as refused:
        await evaluator(tmp_path, "number", **fields).check(campaign(*metrics))
    assert len(refused.value.problems) == 1
    assert problem in refused.value.problems[0]


async def test_a_module_next_to_the_campaign_may_bear_the_name_of_one_of_ours(tmp_path: Path):
    (tmp_path / "supervisor.py").write_text(textwrap.dedent("def f(params):\n    return 4\n"))
    own = PythonEvaluator(function="supervisor:f", folder=tmp_path)
    await own.check(campaign())
    outcome = await own.evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationSucceeded)


# Files next to a campaign whose names collide with ours, the standard library's or other libraries'.
NAMESAKES = (
    *("campaign", "report", "storage", "flows", "bo_core", "evaluators"),
    *("types", "json", "logging", "random", "select", "prefect", "torch"),
)
OF_THE_USER = """
import random, tempfile
from overnight import Infeasible
import storage as helper

def evaluate(params):
    if params["x"] == 0.7:
        raise Infeasible("melts")
    return params["x"] + helper.OFFSET + 0 * random.random()
"""


@pytest.mark.parametrize("name", ["storage", "campaign", "evaluators", "json", "types", "objective"])
async def test_a_function_is_called_whatever_its_file_and_those_beside_it_are_named(tmp_path, monkeypatch, name):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    for namesake in NAMESAKES:
        (tmp_path / f"{namesake}.py").write_text("OFFSET = 10\n")
    text = (
        OF_THE_USER if name != "storage" else OF_THE_USER.replace("import storage as helper", "import report as helper")
    )
    (tmp_path / f"{name}.py").write_text(text)
    evaluator = PythonEvaluator(function=f"{name}:evaluate", folder=tmp_path)
    await evaluator.check(campaign())
    outcome = await evaluator.evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationSucceeded), outcome
    assert outcome.metrics == {"loss": Measurement(mean=10.3)}


async def test_a_function_says_infeasible_although_a_file_beside_it_is_named_evaluators(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    for namesake in NAMESAKES:
        (tmp_path / f"{namesake}.py").write_text("OFFSET = 10\n")
    (tmp_path / "objective.py").write_text(OF_THE_USER)
    evaluator = PythonEvaluator(function="objective:evaluate", folder=tmp_path)
    outcome = await evaluator.evaluate(request(parameters={"x": 0.7, "n": 4}), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationFailed)
    assert (outcome.cause, "melts" in outcome.message) == ("infeasible", True)
