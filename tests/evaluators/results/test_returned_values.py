"""Values and exceptions of a Python function, which is called in this process in the same way as in its own."""

import ast
import functools
import importlib
import subprocess
import sys
import types
from collections import OrderedDict, namedtuple
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pytest
import torch
from attempts import campaign, request

import overnight
import overnight.campaign as campaign_package
import overnight.evaluators as evaluators_package
from overnight.campaign import EvaluationFailed, EvaluationOutcome, EvaluationSucceeded
from overnight.campaign.errors import InvalidDefinition
from overnight.evaluators import Infeasible, PythonEvaluator, call_function
from overnight.evaluators.results.command_result import outcome_of_result
from overnight.evaluators.results.written_result import InvalidResult
from overnight.evaluators.secrets.environment import Redaction

Pair = namedtuple("Pair", "mean sem")


class Metric(Enum):
    """Names of metrics that are not strings."""

    LOSS = "loss"


class Unspeakable:
    """An object that can be converted neither to a number nor to text."""

    def __float__(self) -> float:
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError


def of(monkeypatch: pytest.MonkeyPatch, function: Any, *metrics: str) -> EvaluationOutcome:
    """Return the outcome of calling a function, read from the text that its own process would write to a file."""
    module = types.ModuleType("objective")
    module.function = function  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "objective", module)
    asked = request(*metrics)
    written = call_function.to_json(call_function.evaluate("objective:function", asked.model_dump(mode="json")))
    return outcome_of_result(written, asked, 1.0, Redaction({}))


@pytest.mark.parametrize(
    "returned",
    [
        0.5,
        np.float64(0.5),
        np.float32(0.5),
        np.array(0.5),
        torch.tensor(0.5),
        Decimal("0.5"),
        Fraction(1, 2),
        (0.5, 0.1),
        [np.float32(0.5), None],
        Pair(0.5, 0),
        {"loss": 0.5},
        OrderedDict(loss=(0.5, 0.1)),
        types.MappingProxyType({"loss": {"mean": Fraction(1, 2), "sem": None}}),
        {"metrics": {"loss": Decimal("0.5")}, "cost": 1},
        {"loss": 0.5, "size": 10**5000, ("a", 1): 2, "junk": Unspeakable()},
    ],
    ids=lambda value: type(value).__name__,
)
def test_numbers_of_whatever_library_are_measured(monkeypatch: pytest.MonkeyPatch, returned: object):
    outcome = of(monkeypatch, lambda params: returned)
    assert isinstance(outcome, EvaluationSucceeded), outcome
    assert outcome.metrics["loss"].mean == 0.5


@pytest.mark.parametrize(
    ("returned", "mean"), [(True, 1.0), (np.bool_(False), 0.0), (np.int64(7), 7.0), (2**100, 2.0**100)]
)
def test_truth_values_and_whole_numbers_count_as_numbers(
    monkeypatch: pytest.MonkeyPatch, returned: object, mean: float
):
    outcome = of(monkeypatch, lambda params: returned)
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.metrics["loss"].mean == mean


def circle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        (None, "got None"),
        ("0.5", "got '0.5'"),
        (float("nan"), "got nan"),
        (np.array([1.0, 2.0]), "got 'array([1., 2.])'"),
        (np.array([[1.0, 2.0], [3.0, 4.0]]), "got 'array("),
        (torch.tensor([1.0, 2.0]), "got 'tensor([1., 2.])'"),
        (1 + 2j, "got '(1+2j)'"),
        (np.complex64(1 + 2j), "got '"),
        (10**400, "got 'a whole number of 1329 bits'"),
        pytest.param(10**5000, "got 'a whole number of 16610 bits'", id="enormous"),
        ([1, 2, 3], "got [1, 2, 3]"),
        ({1.0}, "got '{1.0}'"),
        (Unspeakable(), "got 'a value of type Unspeakable'"),
        (circle(), "got [[[[[["),
        ({Metric.LOSS: 1}, "expected the metric `loss`, found `Metric.LOSS`"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch, returned: object, got: str):
    with pytest.raises(InvalidResult, match=r"^(metric `loss`: expected|expected the metric)") as refused:
        of(monkeypatch, lambda params: returned)
    assert got in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


async def a_coroutine(params: object) -> float:
    return 0.5


def a_generator(params: object) -> Any:
    yield 0.5


async def an_async_generator(params: object) -> Any:
    yield 0.5


class Objective:
    """A class that can be called, and so can its instances."""

    async def __call__(self, params: object) -> float:
        return 0.5


UNFINISHED = [
    (a_coroutine, "found a coroutine. Write `def` instead of `async def`"),
    (functools.partial(a_coroutine), "found a coroutine"),
    (Objective(), "found a coroutine"),
    (a_generator, "found a generator. Return the result"),
    (an_async_generator, "found an asynchronous generator"),
    (Objective, "found the class `Objective`"),
    (3, "expected a function, found int 3"),
    ("x" * 500, "expected a function, found str"),
]


@pytest.mark.parametrize(("function", "says"), UNFINISHED, ids=lambda value: getattr(value, "__name__", "other"))
def test_what_would_still_have_to_be_run_is_refused_by_check_and_by_the_call(
    monkeypatch: pytest.MonkeyPatch, function: Any, says: str
):
    outcome = of(monkeypatch, function)
    assert isinstance(outcome, EvaluationFailed)
    assert says in outcome.message
    assert says in call_function.inspect_function("objective:function")["problem"]


@pytest.mark.parametrize("function", [a_coroutine, a_generator, an_async_generator])
def test_one_that_hides_what_it_returns_is_refused_at_its_call(monkeypatch: pytest.MonkeyPatch, function: Any):
    outcome = of(monkeypatch, lambda params: function(params))
    assert isinstance(outcome, EvaluationFailed)
    assert "to return its result, found a" in outcome.message


class TooHot(Infeasible):
    """A specific kind of infeasible point."""


def raising(problem: BaseException) -> Any:
    def function(params: object) -> None:
        raise problem

    return function


@pytest.mark.parametrize("function", [raising, lambda problem: lambda params: problem], ids=["raised", "returned"])
@pytest.mark.parametrize(
    ("problem", "message", "metrics"),
    [
        (
            Infeasible("p99 above 5 ms", metrics={"p99": 6.5, "rows": float("nan")}),
            "Infeasible: p99 above 5 ms",
            {"p99": 6.5},
        ),
        (Infeasible("too slow", metrics=0.5), "Infeasible: too slow", {"loss": 0.5}),
        (Infeasible(), "Infeasible", {}),
        (TooHot("melts\nat", 300), "TooHot: ('melts\\nat', 300)", {}),
    ],
)
def test_an_infeasible_point_keeps_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, function: Any, problem: Infeasible, message: str, metrics: dict[str, float]
):
    outcome = of(monkeypatch, function(problem))
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "infeasible"
    assert outcome.message.startswith(message)
    assert {name: found.mean for name, found in outcome.metrics.items()} == metrics


def test_a_message_is_one_line_and_its_place_is_kept_however_long_it_is(monkeypatch: pytest.MonkeyPatch):
    outcome = of(monkeypatch, raising(ValueError("no\n luck " * 5000)))
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.message.startswith("ValueError: no luck no luck")
    assert "\n" not in outcome.message
    assert len(outcome.message) <= 2000
    assert "test_returned_values.py:" in outcome.message[-60:]


@pytest.mark.parametrize("charges", [[1, float("nan")], [2, -1], ["much"], [None]])
def test_a_charge_that_is_no_cost_is_noted_and_costs_nothing_else(monkeypatch: pytest.MonkeyPatch, charges: list[Any]):
    def function(params: object, charge: Any) -> float:
        for cost in charges:
            charge(cost)
        return 0.5

    outcome = of(monkeypatch, function)
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.cost is None
    assert [note[:19] for note in outcome.notes] == (["`cost` was refused,"] if charges != [None] else [])


class Measured(TypedDict):
    """Metrics by name."""

    loss: float


class Whole(TypedDict):
    """The form of a command's result."""

    metrics: Measured
    cost: float


class Loose(TypedDict):
    """The same form, with metrics of any name."""

    metrics: dict[str, float]


@pytest.mark.parametrize(
    ("returned", "promised"), [(Measured, ["loss"]), (Whole, ["loss"]), (Loose, None), (float, [None])]
)
def test_what_an_annotation_promises_is_known(monkeypatch: pytest.MonkeyPatch, returned: Any, promised: object):
    def function(params: object) -> Any:
        return params

    function.__annotations__["return"] = returned
    module = types.ModuleType("objective")
    module.function = function  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "objective", module)
    assert call_function.inspect_function("objective:function") == {"problem": None, "returns": promised}


async def test_check_refuses_a_function_that_has_to_be_awaited(tmp_path: Path):
    (tmp_path / "objective.py").write_text("async def evaluate(params):\n    return 1\n")
    evaluator = PythonEvaluator(function="objective:evaluate", folder=tmp_path)
    with pytest.raises(InvalidDefinition, match=r"`evaluator.function`: expected `evaluate` to return its result"):
        await evaluator.check(campaign())


@pytest.mark.parametrize("package", ["overnight", "overnight.evaluators"])
def test_an_evaluated_function_loads_nothing_else_by_importing_infeasible(package: str):
    script = f"""if True:
        import sys
        before = set(sys.modules)
        from {package} import Infeasible
        print(",".join(sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})))
        problem = Infeasible("too hot", metrics={{"loss": 1}})
        assert isinstance(problem, Exception) and str(problem) == "too hot" and problem.metrics == {{"loss": 1}}
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.strip().split(","))
    assert loaded - set(sys.stdlib_module_names) <= {"overnight"}


PACKAGES = [overnight, evaluators_package, campaign_package]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_found_in_its_package_as_type_checkers_find_it(package: types.ModuleType):
    tree = ast.parse(Path(package.__file__ or "").read_text())
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    homes = {alias.name: node.module for node in imports for alias in node.names}
    assert set(package.__all__) == set(homes)
    assert set(package.__all__) <= set(dir(package))
    for name, home in homes.items():
        assert getattr(package, name) is getattr(importlib.import_module(home or ""), name)
    with pytest.raises(ImportError):
        exec(f"from {package.__name__} import Nonsense")
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = package.Nonsense
