"""Read-only places: reading works, a run names the place that it cannot write to, and continues later."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import command
from own_prefect import Server
from permissions import obeying

from overnight.flows.api.ask_tell import AskTell

CAMPAIGN = """
name: bread
parameters:
  x: {kind: float, low: 0, high: 1}
minimize: loss
evaluator: objective:evaluate
budget: {trials: 6}
proposer: {kind: sobol}
work: ./free/work
ledger: ./kept
"""
OBJECTIVE = """
import os, time

def evaluate(params, seed):
    open(f"free/reached-{params['x']}", "w").close()
    while os.path.exists("free/hold"):
        time.sleep(0.01)
    return params["x"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a campaign, with a folder `free` in it for files outside the ledger."""
    (tmp_path / "free").mkdir()
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    yield tmp_path
    make_writable(tmp_path)


def make_writable(folder: Path) -> None:
    folder.chmod(0o755)
    for inside in folder.rglob("*"):
        if inside.is_dir():
            inside.chmod(0o755)


def started(folder: Path, server: Server, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        obeying(command(*arguments)),
        cwd=folder,
        env=server.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(folder: Path, server: Server, *arguments: str, code: int = 0) -> str:
    process = started(folder, server, *arguments)
    out, error = process.communicate()
    assert process.returncode == code, out + error
    return error if code else out


def make_read_only(ledger: Path) -> None:
    for inside in [ledger, *ledger.rglob("*")]:
        inside.chmod(0o555 if inside.is_dir() else 0o444)


@pytest.fixture
def kept(folder: Path) -> Path:
    """Return the folder of a read-only ledger with two observed trials and one that is under way."""
    campaign = AskTell(folder / "campaign.yaml")
    for _ in range(2):
        trial = campaign.ask()
        campaign.tell(trial, trial.point["x"])
    campaign.ask()
    make_read_only(folder / "kept")
    return folder / "kept"


@pytest.mark.slow
def test_whoever_may_only_read_can_look_at_everything(folder, kept, server):
    before = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    assert "2 observed" in said(folder, server, "status")
    rows = json.loads(said(folder, server, "trials", "--format", "json"))
    assert [row["status"] for row in rows] == ["observed", "observed", "running"]
    assert said(folder, server, "verify").startswith("whole: ")
    assert said(folder, server, "query", "select count(*) as n from trials", "--format", "csv") == "n\n3\n"
    said(folder, server, "export", "free/trials.parquet")
    assert "bread" in said(folder, server, "campaigns", "kept")
    said(folder, server, "report", "--output", "free/page.html")
    assert str(kept / "bread") in (folder / "free/page.html").read_text()
    assert {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_run_that_may_not_write_its_ledger_says_so_and_what_to_do(folder, kept, server):
    problem = said(folder, server, "run", code=1)
    assert f"ledger: cannot write `{kept}/bread/events/00000/" in problem
    assert "Permission denied. Let this user read and write the directory, or give the ledger another one." in problem
    assert "Traceback" not in problem


@pytest.mark.slow
def test_a_run_that_may_not_write_its_work_says_so_and_what_to_do(folder, server):
    (folder / "free").chmod(0o555)
    problem = said(folder, server, "run", code=2)
    assert (
        f"work: expected a folder that can be written, but cannot write in {folder}/free: Permission denied" in problem
    )
    assert "Traceback" not in problem


@pytest.mark.slow
def test_a_report_that_may_not_be_written_says_so_and_what_to_do(folder, kept, server):
    folder.chmod(0o555)
    assert "Name another file" in said(folder, server, "report", code=1)


@pytest.mark.slow
def test_a_ledger_that_becomes_read_only_ends_the_run_and_the_same_command_goes_on_when_it_is_mended(folder, server):
    ledger, hold = folder / "kept", folder / "free/hold"
    hold.touch()
    running = started(folder, server, "run")
    while not list((folder / "free").glob("reached-*")):
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)
    make_read_only(ledger)
    before = len(list(ledger.rglob("*.parquet")))
    hold.unlink()
    _, problem = running.communicate()
    assert running.returncode == 1, problem
    assert f"ledger: cannot write `{ledger}/bread/" in problem
    assert "Traceback" not in problem
    assert len(list(ledger.rglob("*.parquet"))) == before

    make_writable(ledger)
    assert "bread: finished" in said(folder, server, "run")
    rows = json.loads(said(folder, server, "trials", "--format", "json"))
    assert [(row["status"], row["attempts"]) for row in rows] == [("observed", 1)] * 6
    assert len(list((folder / "free").glob("reached-*"))) == 6
    assert said(folder, server, "verify").startswith("whole: ")
