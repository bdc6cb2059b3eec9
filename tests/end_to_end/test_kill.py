import asyncio
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from command_line import command
from own_prefect import Server
from read_ledgers import events_of

from overnight.campaign import History
from overnight.campaign.history.events import AttemptStarted, Event, LeaseTaken, TrialFailed, TrialObserved
from overnight.storage import open_ledger

KILLS = 4
TRIALS = 40

CAMPAIGN = f"""
name: killed
parameters:
  x: {{kind: float, low: 0, high: 1}}
  n: {{kind: int, low: 1, high: 20}}
minimize: loss
evaluator: objective:evaluate
workers: 4
budget: {{trials: {TRIALS}}}
"""

# Each evaluation writes a line when it begins, so that repeated evaluations can be counted.
OBJECTIVE = """
import json, os, time

def evaluate(params, seed):
    key = json.load(open(os.environ["EVAL_REQUEST"]))["key"]
    log = os.open("evaluations.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, (key + "\\n").encode())
    time.sleep(seed % 100 / 500)
    return (params["x"] - 0.3) ** 2 + params["n"] / 100
"""


def segments_written(folder: Path) -> int:
    return sum(1 for _ in (folder / "ledger").rglob("[0-9]*.parquet"))


def start(folder: Path, server: Server) -> subprocess.Popen[bytes]:
    with (folder / "output.log").open("ab") as output:
        return subprocess.Popen(
            command("run", "campaign.yaml"),
            cwd=folder,
            env=server.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def wait_for_segments(folder: Path, at_least: int, controller: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while segments_written(folder) < at_least and controller.poll() is None:
        assert time.monotonic() < deadline, (folder / "output.log").read_text()
        time.sleep(0.02)


async def read_events(folder: Path) -> list[Event]:
    return await events_of(open_ledger(str(folder / "ledger"), "killed", folder))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_controller_killed_at_random_moments_ends_with_exactly_one_outcome_for_every_trial(tmp_path, server):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    moments = random.Random(time.time_ns())
    kills = 0
    for _ in range(KILLS):
        controller = start(tmp_path, server)
        # Wait for at most nine segments more, so that the campaign is still unfinished at the last kill.
        wait_for_segments(tmp_path, segments_written(tmp_path) + moments.randint(1, 9), controller)
        time.sleep(moments.uniform(0, 0.1))
        controller.send_signal(signal.SIGKILL)
        kills += controller.wait() == -signal.SIGKILL
    assert kills == KILLS
    last = start(tmp_path, server)
    assert last.wait(300) == 0, (tmp_path / "output.log").read_text()

    events = asyncio.run(read_events(tmp_path))
    history = History.from_events(events)
    assert history.closed_by is not None
    assert history.closed_by.kind == "campaign_finished"
    assert sum(isinstance(e, LeaseTaken) for e in events) > KILLS // 2

    outcomes = Counter(e.trial for e in events if isinstance(e, TrialObserved | TrialFailed))
    assert outcomes == dict.fromkeys(range(1, TRIALS + 1), 1)
    assert len(history.model_view().observed) == TRIALS

    ended: set[int] = set()
    for event in events:
        if isinstance(event, AttemptStarted):
            assert event.trial not in ended
        if isinstance(event, TrialObserved | TrialFailed):
            ended.add(event.trial)

    evaluations = Counter((tmp_path / "evaluations.log").read_text().split())
    assert set(evaluations.values()) == {1}, "an attempt was evaluated more than once"
    attempts = {e.key for e in events if isinstance(e, AttemptStarted)}
    assert set(evaluations) <= attempts, "an evaluation began before its attempt was written down"
