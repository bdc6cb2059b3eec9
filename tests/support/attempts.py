"""Requests, campaigns, scripts and waiting for other processes, for tests of evaluators."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from overnight.campaign import Campaign, EvaluationRequest
from overnight.evaluators import CommandEvaluator
from overnight.evaluators.processes.supervisor import read_process

PREAMBLE = """
import json, os, signal, sys, time
from pathlib import Path
request = json.load(open(os.environ["EVAL_REQUEST"]))
def done(**result):
    path = Path(os.environ["EVAL_RESULT"])
    path.with_suffix(".tmp").write_text(json.dumps(result))
    path.with_suffix(".tmp").rename(path)
def write_pid(name, pid=None):
    Path(name + ".tmp").write_text(str(pid or os.getpid()))
    Path(name + ".tmp").rename(name)
def wait_for(name):
    while not Path(name).exists():
        time.sleep(0.01)
"""


def request(*metrics: str, **changes: object) -> EvaluationRequest:
    values = {
        "campaign": "test",
        "trial": 3,
        "attempt": 1,
        "key": "test/3/1",
        "parameters": {"x": 0.3, "n": 4},
        "seed": 17,
        "expected_metrics": metrics or ("loss",),
        "objective": metrics[0] if metrics else "loss",
    }
    return EvaluationRequest.model_validate({**values, **changes})


def campaign(*metrics: str, **parameters: dict[str, object]) -> Campaign:
    definition = {
        "name": "test",
        "parameters": parameters or {"x": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "loss",
        "metrics": metrics,
        "budget": {"trials": 1},
    }
    return Campaign.model_validate(definition)


def command(folder: Path, script: str, **fields: object) -> CommandEvaluator:
    """Return an evaluator that runs this Python script in this folder."""
    path = folder / "script.py"
    path.write_text(PREAMBLE + textwrap.dedent(script))
    values = {"command": (sys.executable, str(path)), "folder": folder, "grace": 0.3, **fields}
    return CommandEvaluator.model_validate(values)


def no_report(report: object) -> None:
    del report


def alive(pid: int) -> bool:
    return read_process(pid) is not None


async def until(condition: Callable[[], bool], limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        await asyncio.sleep(0.01)


async def pid_in(path: Path) -> int:
    await until(path.exists)
    return _number_in(path)


def _number_in(path: Path) -> int:
    return int(path.read_text())


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(arguments, start_new_session=True)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
