"""`overnight run --fix` and `--context`, from the command line to the points that are tried."""

import json
from pathlib import Path

import pytest
from command_line import overnight, overnight_here
from own_prefect import Server

CAMPAIGN = """
name: loads
context: {load: [low, high]}
parameters:
  x: {kind: float, low: 0, high: 1}
  y: {kind: float, low: 0, high: 1}
minimize: loss
evaluator: objective:evaluate
budget: {trials: 3}
"""
OBJECTIVE = "def evaluate(params):\n    return params['x'] + params['y']\n"


@pytest.mark.slow
def test_a_run_tries_the_points_that_it_asks_for_and_after_the_end_writes_nothing(tmp_path: Path, server: Server):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    overnight(tmp_path, "run", "--context", "load=high", "--fix", "x=0.5", variables=server.environment)
    rows = json.loads(overnight_here(tmp_path, "trials", "--format", "json").stdout)
    assert [(row["load"], row["x"]) for row in rows] == [("high", 0.5)] * 3
    written = {path: path.read_bytes() for path in (tmp_path / "ledger").rglob("*") if path.is_file()}
    asked = ("run", "--context", "load=low", "--fix", "x=0.25")
    again = overnight(tmp_path, *asked, variables=server.environment).stdout
    assert "Nothing was tried with the values that this run should fix" in again
    assert "raise `budget.trials` in campaign.yaml" in again
    assert {path: path.read_bytes() for path in (tmp_path / "ledger").rglob("*") if path.is_file()} == written
