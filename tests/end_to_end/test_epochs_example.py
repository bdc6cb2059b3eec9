"""The example with epochs runs, continues trainings from their checkpoints, and survives the kill of its controller."""

import asyncio
import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command_line import command, overnight, overnight_here
from read_ledgers import events_of

from overnight.campaign.history.events import AttemptFailed, AttemptStarted, Event, TrialObserved
from overnight.storage import open_ledger

EXAMPLE = Path(__file__).parents[2] / "examples" / "epochs"
WALK = """
import json, os, time
from pathlib import Path

def walk(params, resume_from):
    file = Path(os.environ["EVAL_ARTIFACTS"]) / "steps"
    steps = 0 if resume_from is None else int(Path(resume_from["artifacts"][0]).read_text())
    with open("walked.jsonl", "a") as log:
        key = json.load(open(os.environ["EVAL_REQUEST"]))["key"]
        log.write(json.dumps({"key": key, "from": resume_from and resume_from["trial"], "steps": steps}) + "\\n")
    time.sleep(0.2)
    file.write_text(str(params["steps"]))
    loss = (params["x"] - 0.3) ** 2 + 1 / params["steps"]
    return {"metrics": {"loss": loss}, "artifacts": ["steps"]}
"""
CAMPAIGN = """
name: walk
parameters: {x: {kind: float, low: 0, high: 1}}
fidelity: {steps: {low: 1, high: 9, scale: log, resume: true}}
minimize: loss
noise: none
evaluator: walk:walk
workers: 2
budget: {trials: 30, cost: 5}
proposer: {kind: bayesian, initial: 6}
"""


def events(folder: Path, name: str) -> list[Event]:
    return asyncio.run(events_of(open_ledger(str(folder / "ledger"), name, folder)))


@pytest.mark.long
@pytest.mark.slow
def test_the_example_trains_at_several_fidelities_and_recommends_a_network_that_was_trained_in_full(tmp_path, server):
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("ledger", "work"))
    source = tmp_path / "campaign.yaml"
    source.write_text(source.read_text().replace("high: 81", "high: 9").replace("cost: 5", "cost: 3"))
    shown = overnight(tmp_path, "run", "campaign.yaml", variables=server.environment).stdout
    assert "by epochs, 1: " in shown
    rows = json.loads(overnight_here(tmp_path, "trials", "--format", "json").stdout)
    assert {row["epochs"] for row in rows} == {1, 3, 9}
    written = events(tmp_path, "epochs")
    costs = [event.cost for event in written if isinstance(event, TrialObserved)]
    assert sum(costs) <= 3 + 1.02
    best = min((row for row in rows if row["epochs"] == 9), key=lambda row: row["loss"])
    assert f"best so far at epochs = 9: loss {best['loss']:.4g}" in shown


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_controller_continues_with_the_same_earlier_evaluations_and_replays_the_same(tmp_path, server):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    (tmp_path / "walk.py").write_text(WALK)
    killed = 0
    for evaluations in (3, 7):
        with (tmp_path / "output.log").open("ab") as output:
            controller = subprocess.Popen(
                command("run", "campaign.yaml"), cwd=tmp_path, env=server.environment, stdout=output, stderr=output
            )
        wait_for_evaluations(tmp_path, evaluations, controller)
        # The evaluations that run now survive the controller.
        controller.kill()
        killed += controller.wait() == -signal.SIGKILL
    assert killed > 0
    assert "recommended (" in overnight(tmp_path, "run", "campaign.yaml", variables=server.environment).stdout

    written = events(tmp_path, "walk")
    started = {event.key: event for event in written if isinstance(event, AttemptStarted)}
    walked = [json.loads(line) for line in (tmp_path / "walked.jsonl").read_text().splitlines()]
    assert len({each["key"] for each in walked}) == len(walked)
    for each in walked:
        resumed = started[each["key"]].resumed
        assert each["from"] == (resumed and resumed.trial)
        assert each["steps"] == (resumed.fidelity if resumed else 0)
    assert any(each["from"] for each in walked)
    causes = [event.message for event in written if isinstance(event, AttemptFailed)]
    assert not any("of another attempt" in message for message in causes)
    # The exit code is 1 if a proposal differs.
    overnight_here(tmp_path, "replay", "campaign.yaml")


def wait_for_evaluations(folder: Path, count: int, controller: subprocess.Popen[bytes]) -> None:
    deadline, log = time.monotonic() + 120, folder / "walked.jsonl"
    while controller.poll() is None and (not log.exists() or log.read_text().count("\n") < count):
        assert time.monotonic() < deadline, (folder / "output.log").read_text()
        time.sleep(0.02)
