"""Proposals from a work pool: one worker with a GPU serves several campaigns, and its absence stops none."""

import subprocess
from pathlib import Path

import pytest
from own_prefect import Server
from test_command_line import command

from flows.campaign_file import load_campaign_file
from flows.commands.past import read_events
from flows.replay import replay

CAMPAIGN = """
name: {name}
parameters:
  x: {{kind: float, low: -5, high: 10}}
  y: {{kind: float, low: 0, high: 15}}
minimize: value
evaluator: {{kind: simulated, function: branin}}
proposer: {{kind: bayesian, initial: 3}}
proposing: {{pool: gpu, time_limit: {limit}}}
workers: 2
budget: {{trials: 5}}
"""


def a_campaign(folder: Path, name: str, limit: str) -> Path:
    folder.mkdir()
    (folder / "campaign.yaml").write_text(CAMPAIGN.format(name=name, limit=limit))
    return folder


def started(folder: Path, server: Server) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("run", "campaign.yaml"),
        cwd=folder,
        env=server.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def trials_of(folder: Path):
    path = folder / "campaign.yaml"
    return read_events(load_campaign_file(path), path)


@pytest.mark.slow
def test_one_worker_proposes_for_two_campaigns_at_once_and_every_proposal_replays(tmp_path, server):
    folders = [a_campaign(tmp_path / name, name, "4m") for name in ("one", "two")]
    controllers = [started(folder, server) for folder in folders]
    with server.worker("gpu", tmp_path):
        said = [controller.communicate(timeout=240)[0] for controller in controllers]
    for folder, words in zip(folders, said, strict=True):
        assert "5 done, 0 running, 0 failed" in words
        found = list(replay(trials_of(folder), folder))
        assert [each.verdict for each in found] == ["same"] * 5
        made = [e.provenance for e in trials_of(folder) if e.kind == "trial_proposed"]
        assert {provenance.stand_in for provenance in made} == {None}
    [pool] = server.post("/work_pools/filter", {})
    assert pool["concurrency_limit"] == 1
    runs = server.post("/flow_runs/filter", {"flow_runs": {"tags": {"all_": ["gpu"]}}})
    assert {run["state_type"] for run in runs} == {"COMPLETED"}
    assert all("x=" in run["state"]["message"] for run in runs)


@pytest.mark.slow
def test_without_a_worker_others_stand_in_and_the_ledger_says_why(tmp_path, server):
    folder = a_campaign(tmp_path / "alone", "alone", "2s")
    said = started(folder, server).communicate(timeout=240)[0]
    assert "5 done, 0 running, 0 failed" in said
    assert "the proposer was away for 5 trials" in said
    assert "(sobol, stands in)" in said
    # That others stand in is no trouble, and neither is a proposal that nobody waits for at the end.
    assert "Traceback" not in said
    assert "Crash" not in said
    made = [e.provenance for e in trials_of(folder) if e.kind == "trial_proposed"]
    assert {provenance.stand_in for provenance in made} == {"sobol"}
    assert {provenance.away for provenance in made} == {
        "no worker of pool `gpu` gave an answer within 2s (`proposing.time_limit`)"
    }
    runs = server.post("/flow_runs/filter", {"flow_runs": {"tags": {"all_": ["gpu"]}}})
    # The last one is left to whoever asks the same again: this controller ended while it waited for the answer.
    assert "CANCELLED" in {run["state_type"] for run in runs} <= {"CANCELLED", "SCHEDULED"}
