"""Constraints in a campaign's file: bad ones are refused with their path, good ones accepted."""

from pathlib import Path

import pytest
from command_line import overnight_here

from overnight.flows.definition.campaign_file import load_campaign_file

FILE = """\
name: tuned
parameters:
  x: {kind: float, low: 0, high: 1}
minimize: loss
evaluator: {kind: command, command: ["true"]}
proposer: {kind: sobol}
budget: {trials: 9}
"""
TEXTS = "`p99_ms <= 15`, `0.2 <= memory_gb <= 4` or `errors <= 1.01 * baseline`"
REFUSED = {
    "constraints: p99_ms <= 15": "8: constraints: expected a list, got 'p99_ms <= 15'",
    "constraints:\n  - p99_ms <= 15\n  - p99_ms < 15": (
        "10: constraints.1: expected `<=` or `>=`, got `<` in 'p99_ms < 15'; write `<=`"
    ),
    "constraints:\n  - p99_ms: 15": f"9: constraints.0: expected a text such as {TEXTS}, got {{'p99_ms': 15}}",
    "constraints:\n  - 17": f"9: constraints.0: expected a text such as {TEXTS}, got 17",
    "constraints:\n  - p99_ms <= limit": (
        "9: constraints.0: expected a number or a multiple of the baseline, such as 15 or 1.01 * baseline, on one "
        "side, got 'p99_ms' and 'limit' in 'p99_ms <= limit'; to compare two metrics, write `p99_ms - limit <= 0`"
    ),
    "constraints:\n  - loss <= 1.01 * baseline": (
        "9: constraints.0: expected a `baseline`, to which `loss <= 1.01 * baseline` is relative, found none"
    ),
    "constraints:\n  - p99_ms <= 15\n  - p99_ms >= 20": (
        "10: constraints.1: expected a lower bound of `p99_ms` below its upper bound, got 20 and 15"
    ),
    "constraints:\n  - x <= 0.5": (
        "9: constraints.0: expected a metric, got the parameter `x`, whose values are limited under `parameters`. If "
        "an evaluation reports a metric of that name, list it in `metrics`"
    ),
    "constraints:\n  - p99_ms <= 15\nfeasible_at_least: 95": "10: feasible_at_least: expected less than 1.0, got 95",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "campaign.yaml"


@pytest.mark.parametrize("written", REFUSED)
def test_a_bad_constraint_is_refused_with_its_path_in_the_file(file: Path, written: str):
    file.write_text(FILE + written + "\n")
    done = overnight_here(file.parent, "check", code=2)
    assert done.stderr.splitlines() == [f"campaign.yaml:{REFUSED[written]}"]
    assert done.stdout == ""


@pytest.mark.parametrize("name", ["p99", "p99 (ms)", "größe.µ", "a.b.c", "90% of all, sorted"])
def test_a_constraint_on_a_metric_of_any_name_is_accepted(file: Path, name: str):
    file.write_text(FILE + f"constraints:\n  - {name} <= 15\n  - 0.5 >= loss >= -1e-3\n")
    assert "campaign.yaml is valid" in overnight_here(file.parent, "check").stdout
    campaign = load_campaign_file(file).campaign
    assert [str(constraint) for constraint in campaign.constraints] == [f"{name} <= 15", "-0.001 <= loss <= 0.5"]
    assert campaign.optional_metrics == (name,)
