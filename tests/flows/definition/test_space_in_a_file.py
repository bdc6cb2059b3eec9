"""A campaign file with a space that cannot be is refused with the line and the path of each mistake."""

from typing import Any

import pytest

from overnight.campaign.errors import InvalidDefinition
from overnight.flows.api.sync import run_sync
from overnight.flows.definition.campaign_file import load_campaign_file, read_campaign
from overnight.flows.definition.fixing import fixed_by, with_context, with_fixed

FILE = """\
name: mixed
parameters:
  a: {kind: float, low: 0, high: 1}
  b: {kind: float, low: 0, high: 1, when: {c: y}}
  c: {kind: categorical, choices: [x, y]}
  n: {kind: int, low: 0, high: 9}
  d: {kind: derived, value: "a + n", low: 0, high: 5}
EXTRA
minimize: loss
evaluator: {kind: simulated, function: branin}
budget: {trials: 4}
"""


def problems(tmp_path, monkeypatch, extra: str) -> list[str]:
    """Return the lines with which a file is refused."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "campaign.yaml").write_text(FILE.replace("EXTRA", extra))
    with pytest.raises(InvalidDefinition) as refused:
        load_campaign_file("campaign.yaml")
    return [line.removeprefix("campaign.yaml:") for line in str(refused.value).splitlines()]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (
            "a * n == 3",
            "expected a weighted sum of parameters on both sides of `==`, got 'a * n == 3'; write one of",
        ),
        (
            "a == b",
            "expected an equality of parameters that are always active and not derived, got `b`: it is active",
        ),
        ("3 <= 4", "expected the name of a parameter, got only numbers in '3 <= 4'"),
        ("a + zz <= 1", "expected one of a, b, c, n, d, got the unknown parameter `zz`"),
        ("a = 3", "expected one of <=, >=, <, >, ==, got `=` in 'a = 3'; write `==`"),
        ("c <= 3", "expected a parameter whose values are numbers, got `c`, which has text"),
        ("a >= n >= 3 >= 2", "expected a comparison, such as"),
        ("a <= n >= 3", "expected two signs in the same direction, got `<=` and `>=`"),
        ("a + n <", "expected a number or the name of a parameter, got the end in ''"),
        ("[1]", "expected a text such as"),
    ],
)
def test_a_constraint_that_cannot_be_is_named(tmp_path, monkeypatch, written, problem):
    [found] = problems(tmp_path, monkeypatch, f"parameter_constraints: [{written}]")
    assert found.startswith(f"8: parameter_constraints.0: {problem}")


def test_a_baseline_that_breaks_the_rules_of_the_space_is_named_with_its_values(tmp_path, monkeypatch):
    extra = "parameter_constraints: [a <= 0.5]\nbaseline: {a: 0.7, c: x, b: 0.5, n: 9}"
    assert problems(tmp_path, monkeypatch, extra) == [
        "9: baseline.b: expected no value, because it is active only if c is y, got 0.5",
        "9: baseline.d: expected `a + n` to be between 0 and 5, got 9.7",
        "9: baseline: expected `a <= 0.5`, got a = 0.7",
    ]


def test_fixed_values_that_cannot_be_are_named(tmp_path, monkeypatch):
    assert problems(tmp_path, monkeypatch, "fix: {n: 10, d: 3, q: 1}") == [
        "8: fix.d: expected one of a, b, c, n, got the unknown key `d`",
        "8: fix.n: expected a whole number between 0 and 9, got 10",
        "8: fix.q: expected one of a, b, c, n, got the unknown key `q`",
    ]
    [found] = problems(tmp_path, monkeypatch, "fix: {a: 0.5, n: 2}\nparameter_constraints: [a + n == 3]")
    assert found == (
        "9: parameter_constraints.0: expected independent equalities, got `a + n == 3`, which contradicts the ones "
        "before it and the values under `fix`"
    )


def test_constraints_that_no_point_meets_are_refused_before_anything_runs():
    file = read_campaign({**_parsed(), "parameter_constraints": ["a + 0.1 * n >= 3"]})
    with pytest.raises(InvalidDefinition, match="found none in 4096 points and 256 walks"):
        run_sync(file.check())


def test_parameters_are_fixed_for_a_run_in_addition_to_those_of_the_file():
    file = read_campaign({**_parsed(), "fix": {"n": 3}})
    fixed = with_fixed(file, fixed_by(["c=y", "a = 0.25"]))
    assert fixed.campaign.fix == {"n": 3, "c": "y", "a": 0.25}
    assert with_fixed(file, {}) is file


@pytest.mark.parametrize(
    ("option", "said"),
    [("n=x", "fix.n: expected a whole number between 0 and 9, got 'x'"), ("m=1", "unknown key `m`"), ("n", "--fix")],
)
def test_an_option_that_fixes_nothing_is_refused(option, said):
    with pytest.raises(InvalidDefinition, match="expected") as refused:
        with_fixed(read_campaign(_parsed()), fixed_by([option]))
    assert said in str(refused.value)


def test_a_run_is_for_some_contexts_as_if_their_values_were_fixed():
    file = read_campaign({**_parsed(), "context": {"workload": ["oltp", "olap"], "rows": [10, 100]}})
    assert with_context(file, {"rows": "100"}).campaign.fix == {"rows": 100}
    for asked, said in (
        ({"load": "oltp"}, "`--context`: expected one of workload, rows, got `load`"),
        ({"workload": "batch"}, "--context workload: expected one of 'oltp', 'olap', got 'batch'"),
    ):
        with pytest.raises(InvalidDefinition) as refused:
            with_context(file, asked)
        assert said in str(refused.value)
    with pytest.raises(InvalidDefinition, match="no context, because the campaign has none"):
        with_context(read_campaign(_parsed()), {"workload": "oltp"})


def _parsed() -> dict[str, Any]:
    number = {"kind": "float", "low": 0, "high": 1}
    return {
        "name": "mixed",
        "parameters": {
            "a": number,
            "b": {**number, "when": {"c": "y"}},
            "c": {"kind": "categorical", "choices": ["x", "y"]},
            "n": {"kind": "int", "low": 0, "high": 9},
        },
        "minimize": "loss",
        "evaluator": {"kind": "command", "command": ["true"]},
        "budget": {"trials": 4},
    }
