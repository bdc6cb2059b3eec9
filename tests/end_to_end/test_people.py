"""People steer a real campaign from other processes."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from command_line import command, overnight_here

CAMPAIGN = """
name: spoken
parameters:
  x: {kind: float, low: 0, high: 1}
minimize: loss
evaluator: objective:evaluate
proposer: {kind: sobol}
workers: 1
budget: {trials: 1000}
"""

# Each evaluation writes its point to a pipe when it begins, and ends when it can read from another pipe.
OBJECTIVE = """
def evaluate(params, seed):
    with open("began", "w") as began:
        began.write(f"{params['x']}\\n")
    with open("go") as go:
        go.read()
    return (params["x"] - 0.3) ** 2
"""


class Evaluations:
    """The evaluations of the running campaign: a test waits until one begins, and lets it end."""

    def __init__(self, folder: Path) -> None:
        self.began, self.go = folder / "began", folder / "go"
        os.mkfifo(self.began)
        os.mkfifo(self.go)

    def next_point(self) -> float:
        return float(self.began.read_text())

    def let_go(self) -> None:
        self.go.write_text("go")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_running_campaign_is_paused_given_a_point_resumed_and_drained_by_other_processes(tmp_path, server):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    evaluations = Evaluations(tmp_path)
    with subprocess.Popen(
        command("run"),
        cwd=tmp_path,
        env=server.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as controller:
        try:
            _speak(tmp_path, controller, evaluations)
        finally:
            controller.kill()
    rows = json.loads(overnight_here(tmp_path, "trials", "--format", "json").stdout)
    assert [row["status"] for row in rows] == ["observed", "observed"]
    assert (rows[1]["x"], rows[1]["generator"]) == (0.25, "manual")
    events = overnight_here(
        tmp_path, "query", "select kind, actor from events where actor like '%@%'", "--format", "json"
    )
    kinds = ["campaign_paused", "trial_proposed", "campaign_resumed", "campaign_asked_to_stop"]
    assert [row["kind"] for row in json.loads(events.stdout)] == kinds


def _speak(folder: Path, controller: "subprocess.Popen[str]", evaluations: Evaluations) -> None:
    evaluations.next_point()
    assert "reads it within seconds" in overnight_here(folder, "pause", "--why", "the oven is cleaned").stdout
    assert controller.stdout is not None
    _read_until(controller, "paused by")
    evaluations.let_go()
    _read_until(controller, "trial   1")
    overnight_here(folder, "suggest", "--point", '{"x": 0.25}', "--why", "a hunch")
    assert "the oven is cleaned" in overnight_here(folder, "status").stdout
    assert "was already paused by" in overnight_here(folder, "pause", "--why", "again", code=1).stderr
    overnight_here(folder, "resume")
    assert evaluations.next_point() == 0.25
    overnight_here(folder, "drain", "--why", "rain")
    _read_until(controller, "asked to drain by")
    evaluations.let_go()
    rest = controller.stdout.read()
    assert controller.wait() == 0, rest
    assert "rain" in rest


def _read_until(controller: "subprocess.Popen[str]", words: str) -> None:
    assert controller.stdout is not None
    said = []
    for line in controller.stdout:
        said.append(line)
        if words in line:
            return
    raise AssertionError(f"expected {words!r}, it said {''.join(said)}")
