"""The `overnight` command, in a separate process or in this one, and a small campaign to run."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from unittest.mock import patch

from prefect_on_postgres import without_prefect

from overnight.flows.cli import main

# A quick campaign that uses every part: Prefect, processes, model, ledger, report.
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


def overnight(
    folder: Path, *arguments: str, code: int = 0, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Call the command in a new process. `variables` is its environment; by default it sets nothing for Prefect."""
    done = subprocess.run(
        command(*arguments), cwd=folder, env=variables or environment(), capture_output=True, text=True, timeout=240
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def overnight_here(
    folder: Path, *arguments: str, code: int | None = 0, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Call the command in this process, which has already imported its modules.

    Use it for commands that read a ledger, append to one or refuse a file; a command that runs a campaign needs its
    own process. `code=None` accepts any exit code.
    """
    out, error = (TextIOWrapper(BytesIO(), "utf-8", newline="", write_through=True) for _ in range(2))
    known = {**without_prefect(os.environ), "COLUMNS": "100", **(environment or {})}
    ended: int | str | None = 0
    with (
        chdir(folder),
        patch.dict(os.environ, known, clear=True),
        patch.multiple(sys, argv=["overnight", *arguments], path=[*sys.path]),
        redirect_stdout(out),
        redirect_stderr(error),
    ):
        try:
            main()
        except SystemExit as end:
            ended = end.code
    said, problem = (stream.buffer.getvalue().decode() for stream in (out, error))
    done = subprocess.CompletedProcess(arguments, int(ended or 0), said, problem)
    assert code in (done.returncode, None), done.stdout + done.stderr
    return done


def command(*arguments: str) -> list[str]:
    # With `-P` it does not import modules from the working folder, like the installed script.
    return [sys.executable, "-P", "-m", "overnight", *arguments]


def environment() -> dict[str, str]:
    return without_prefect(os.environ) | {"COLUMNS": "100"}
