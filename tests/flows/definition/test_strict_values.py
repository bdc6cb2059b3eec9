"""The reader refuses each value that the JSON Schema refuses: a text is no number, and neither is true."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from overnight.campaign.errors import InvalidDefinition
from overnight.flows.definition.campaign_file import load_campaign_file, read_campaign
from overnight.flows.definition.json_schema import campaign_schema

SCHEMA = Draft202012Validator(campaign_schema())
COMMON: dict[str, Any] = {
    "name": "strict",
    "parameters": {
        "x": {"kind": "float", "low": 0.5, "high": 2.5, "step": 0.25, "scale": "log"},
        "n": {"kind": "int", "low": 1, "high": 9, "step": 2, "was": 3},
        "size": {"kind": "ordinal", "choices": [1, 2.5, "three"], "was": 2.5},
        "flour": {"kind": "fixed", "value": 3},
    },
    "minimize": "loss",
    "constraints": ["speed >= 1"],
    "feasible_at_least": 0.9,
    "metrics": ["speed"],
    "workers": 2,
    "seed": 3,
    "confirm": 3,
    "budget": {"trials": 9, "evaluations": 12, "cost": 5.5, "wall_clock": "2h"},
    "baseline": {"x": 1.5, "n": 3, "size": 2.5},
    "failures": {"max_attempts": 2, "max_in_a_row": 4, "back_off": "1s", "longest_back_off": "2m"},
    "stop_when": {"expected_gain_below": 0.5, "in_a_row": 2, "advice_only": True},
    "approve": {"when": {"change": 0.5, "predicted": {"worse_than": 2.5, "standard_deviations": 1}, "cost": 3.5}},
}
EVERY_KIND: list[dict[str, Any]] = [
    {
        "solutions": {"count": 3, "apart": 0.25, "within": 1.5},
        "evaluator": {"function": "branin", "kind": "simulated", "noise": 0.5, "report_sem": True, "failure_rate": 0.5},
        "stop_early": {"rule": "median", "after_step": 2, "after_trials": 3},
        "proposer": {
            "kind": "bayesian",
            "initial": 3,
            "exploration": 1.5,
            "starts": 2,
            "draws": 32,
            "restarts": 3,
            "raw_points": 64,
            "extra_noise": True,
            "cost_aware": True,
        },
    },
    {
        "evaluator": {
            "command": ["./measure.sh"],
            "time_limit": "10m",
            "grace": "5s",
            "polled": {"every": "1h", "at_most": "30d"},
        },
        "stop_early": {"rule": "successive_halving", "first_step": 2, "reduction": 3},
        "approve": {"when": {"change": {"x": 0.5, "size": [2.5], "n": "any"}}, "most_waiting": 3},
        "run_on": {"dask": "tcp://10.0.0.5:8786", "start_within": "1h"},
        "resources": {"cpus": 2, "gpus": 1, "memory": "4GB"},
    },
    {
        "evaluator": {
            "url": "https://lab.example/evaluations",
            "poll": "30s",
            "time_limit": "6h",
            "answer_within": "1m",
        },
        "proposer": {"kind": "sobol"},
        "confirm": "auto",
        "stop_when": None,
    },
    {
        "evaluator": {"function": "objective:evaluate"},
        "proposer": {"kind": "sobol"},
        "run_on": {"slurm": {"partition": "night", "time": "3d", "idle": "5m"}},
        "confirm": "auto",
        "stop_when": None,
    },
    {
        "evaluator": {"command": ["./front.sh"]},
        "minimize": None,
        "objectives": [{"minimize": "loss", "worst": 4.5}, {"maximize": "speed"}],
        "prefer": ["speed >= 2"],
        "confirm": "never",
        "approve": "always",
        "stop_early": {"rule": "improbable", "below": 0.25, "after_step": 2, "after_trials": 5},
    },
    {
        "evaluator": {"function": "arms:run"},
        "kind": "ab_test",
        "arms": 3,
        "traffic": {"unit": "users", "per_batch": 900, "status_quo": 0.4},
        "decide": {"at_least": 0.9, "looks": "6h"},
        "ramp_up": {"stages": [0.1, 0.5], "approve": True},
        "budget": {"trials": 12},
        "workers": None,
        "confirm": None,
        "stop_when": None,
    },
    {
        "evaluator": {"function": "training:train", "kind": "python"},
        "fidelity": {
            "epochs": {"low": 1, "high": 81, "values": [3, 81], "overhead": 0.5, "resume": True, "curve": True}
        },
        "stop_when": None,
    },
]
OTHERS: list[Any] = [True, False, "2", "true", "yes", "", 2, 2.0, 2.5, None]


def of_kinds(kinds: dict[str, Any]) -> dict[str, Any]:
    """Return a campaign with these parts, and without the parts that are None there."""
    return {key: value for key, value in (COMMON | kinds).items() if value is not None}


def leaves(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value that holds no others."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*where, key))
    else:
        yield where


def with_another(data: dict[str, Any], where: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed: Any = copy.deepcopy(data)
    part = changed
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = value
    return changed


def accepted(data: dict[str, Any]) -> bool:
    try:
        read_campaign(data)
    except InvalidDefinition:
        return False
    return True


@pytest.mark.parametrize("kinds", EVERY_KIND, ids=lambda kinds: ", ".join(kinds["evaluator"]))
def test_the_reader_refuses_each_value_that_the_schema_refuses(kinds: dict[str, Any]) -> None:
    data = of_kinds(kinds)
    assert accepted(data)
    assert SCHEMA.is_valid(data)
    lenient = [
        (".".join(map(str, where)), value)
        for where in leaves(data)
        for value in OTHERS
        if accepted(changed := with_another(data, where, value)) and not SCHEMA.is_valid(changed)
    ]
    assert lenient == []


def test_every_number_and_every_true_or_false_of_the_schema_is_in_one_of_these_files() -> None:
    schema = campaign_schema()
    models = [{"properties": schema["properties"]}, *schema["$defs"].values()]
    asked = {
        name
        for model in models
        for name, value in model.get("properties", {}).items()
        if {form.get("type") for form in value.get("anyOf", [value])} & {"integer", "number", "boolean"}
    }
    assert asked - {str(where[-1]) for kinds in EVERY_KIND for where in leaves(of_kinds(kinds))} == set()


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("budget: {trials: true}", "campaign.yaml:1: budget.trials: expected a whole number, got True"),
        ('workers: "2"', "campaign.yaml:1: workers: expected a whole number, got '2'"),
        ("budget: {trials: 3, cost: '4.5'}", "campaign.yaml:1: budget.cost: expected a number, got '4.5'"),
        ("seed: 2.5", "campaign.yaml:1: seed: expected a whole number, got 2.5"),
        (
            "proposer: {extra_noise: 'yes'}",
            "campaign.yaml:1: proposer.extra_noise: expected true or false, got 'yes'",
        ),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_line_and_path(tmp_path, monkeypatch, written, problem):
    monkeypatch.chdir(tmp_path)
    rest = "\n".join(
        line
        for line in (
            "name: strict",
            "parameters: {x: {kind: float, low: 0, high: 1}}",
            "minimize: loss",
            "budget: {trials: 3}",
            "evaluator: objective:evaluate",
        )
        if line.partition(":")[0] != written.partition(":")[0]
    )
    (tmp_path / "campaign.yaml").write_text(f"{written}\n{rest}\n")
    with pytest.raises(InvalidDefinition) as raised:
        load_campaign_file("campaign.yaml")
    assert raised.value.problems == [problem]


@pytest.mark.parametrize("kinds", EVERY_KIND, ids=lambda kinds: ", ".join(kinds["evaluator"]))
def test_a_whole_number_is_not_written_with_a_point(kinds: dict[str, Any]) -> None:
    data = of_kinds(kinds)
    # The schema of JSON takes 2.0 for a whole number, so it is asked about 2.5.
    whole = [where for where in leaves(data) if not SCHEMA.is_valid(with_another(data, where, 2.5))]
    whole = [where for where in whole if SCHEMA.is_valid(with_another(data, where, 2))]
    assert ("budget", "trials") in whole
    assert [where for where in whole if accepted(with_another(data, where, 2.0))] == []


def test_numbers_of_numpy_are_numbers() -> None:
    number = {"x": {"kind": "float", "low": np.float32(0.5), "high": np.int64(2)}}
    numpys = {"parameters": number, "baseline": {"x": np.float64(1.5)}, "workers": np.int64(2)}
    stop = {"expected_gain_below": np.float64(0.5), "advice_only": np.bool_(True)}
    campaign = read_campaign(COMMON | EVERY_KIND[1] | numpys | {"stop_when": stop, "approve": "never"}).campaign
    assert (campaign.workers, campaign.stop_when and campaign.stop_when.advice_only) == (2, True)
