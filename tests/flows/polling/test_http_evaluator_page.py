"""The server and the campaign of the page on HTTP servers run, and the token appears in no file."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fenced_blocks import REPOSITORY, blocks

from overnight.flows.assembly import followed, job_of, placed, proposers
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.storage import MemoryLedger

PAGE = REPOSITORY / "docs" / "how-to" / "http-evaluator.md"


@pytest.fixture
def laboratory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Save the page's files, with the address of its server, which runs in a process of its own."""
    monkeypatch.setenv("LAB_TOKEN", "a-long-secret")
    monkeypatch.chdir(tmp_path)
    for block in blocks(PAGE.read_text()):
        if block.saved_as:
            Path(block.saved_as).write_text(block.text)
    command = [sys.executable, "-m", "uvicorn", "lab:app", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
        assert server.stderr is not None
        try:
            lines = (re.search(r"running on (http://[\d.:]+)", line) for line in server.stderr)
            address = next(found[1] for found in lines if found)
            file = Path("lab.yaml")
            file.write_text(file.read_text().replace("http://127.0.0.1:8017", address))
            yield
        finally:
            os.kill(server.pid, signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.usefixtures("laboratory")
async def test_the_campaign_of_the_page_runs_from_its_file():
    file, clock, notes = load_campaign_file("lab.yaml"), SystemClock(), list[str]()
    await file.check()
    async with placed(file) as evaluator, proposers(file) as asked:
        job = job_of(file, MemoryLedger(), followed(file, evaluator, clock, notes.append), asked, ignore_window=False)
        history = await run_loop(job, PlainSteps(), clock, StopRequest())
    trials = list(history.trials.values())
    assert {trial.status for trial in trials} <= {"observed", "failed"}
    observed = [trial for trial in trials if trial.status == "observed"]
    assert len(trials) == 4
    assert observed
    for trial in observed:
        expected = 90 - abs(trial.point["temperature"] - 120) / 2
        assert trial.measured["yield"].mean == pytest.approx(expected)
        assert history.reports[trial.id]
    assert all(trial.attempts[-1].handle for trial in trials)
    assert notes == []
