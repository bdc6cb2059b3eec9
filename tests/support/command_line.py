"""The `overnight` command as a process, and a small campaign to call it with."""

import os
import subprocess
import sys
from pathlib import Path

from prefect_on_postgres import without_prefect

# A quick campaign that goes through every part: Prefect, processes, model, ledger, report.
CAMPAIGN = """
name: small
parameters:
  x: {kind: float, low: 0, high: 1}
  mode: {kind: categorical, choices: [slow, fast, broken]}
minimize: loss
metrics: [steps]
evaluator: objective:evaluate
workers: 2
budget: {trials: 12}
baseline: {x: 0.9, mode: slow}
receipts: kept.jsonl
"""
OBJECTIVE = """
import os, time

def evaluate(params, seed):
    if params["mode"] == "broken":
        raise ValueError("this mode never works")
    while os.path.exists("hold"):
        time.sleep(0.01)
    return {"loss": ((params["x"] - 0.3) ** 2 + (params["mode"] == "slow"), 0.01), "steps": 5}
"""


def overnight(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(*arguments), cwd=folder, env=environment(), capture_output=True, text=True, timeout=240
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def command(*arguments: str) -> list[str]:
    # Like the installed script, it does not find modules in the working folder.
    return [sys.executable, "-P", "-m", "overnight", *arguments]


def environment() -> dict[str, str]:
    return without_prefect(os.environ) | {"COLUMNS": "100"}
