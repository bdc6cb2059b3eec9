"""Proposals from a work pool: one worker with a GPU serves several campaigns, which also continue without it."""

import asyncio
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from command_line import command
from own_prefect import Server, a_name
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from overnight.bo_core import AnyProposer, CustomProposer, SobolProposer
from overnight.campaign import Campaign
from overnight.campaign.history.events import CampaignDefined
from overnight.flows.commands.read.kept import kept_at
from overnight.flows.proposing.messages import Question, place_of
from overnight.flows.proposing.pool import PoolProposer
from overnight.flows.proposing.settings import ProposerUnavailable
from overnight.flows.replay.again import replay
from overnight.storage import open_ledger

CAMPAIGN = """
name: {name}
parameters:
  x: {{kind: float, low: -5, high: 10}}
  y: {{kind: float, low: 0, high: 15}}
minimize: value
evaluator: {{kind: simulated, function: branin}}
proposer: {{kind: bayesian, initial: 2}}
proposing: {{pool: {pool}, time_limit: {limit}}}
workers: 2
budget: {{trials: 3}}
"""


@pytest.fixture
def pool() -> str:
    return a_name()


def a_campaign(folder: Path, pool: str, limit: str) -> Path:
    folder.mkdir()
    (folder / "campaign.yaml").write_text(CAMPAIGN.format(name=a_name(), pool=pool, limit=limit))
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


# It hangs if the file `hang` is in its folder.
HANGING = """
import os, pathlib, time
from overnight.campaign import Proposal

class Hanging:
    def propose(self, campaign, history, q):
        hang = pathlib.Path(__file__).with_name("hang")
        if hang.exists():
            hang.with_name("pid").write_text(str(os.getpid()))
            time.sleep(3600)
        return [Proposal(point={"x": 0.5}, generator="custom")] * q
"""


@pytest.fixture
def asked(server: Server) -> Iterator[Server]:
    """Yield the server, which this process uses as well."""
    with temporary_settings({PREFECT_API_URL: server.url, PREFECT_API_AUTH_STRING: server.started.auth}):
        yield server


async def a_question(folder: Path, proposer: AnyProposer) -> Question:
    space = {"x": {"kind": "float", "low": 0, "high": 1}}
    campaign = Campaign.model_validate(
        {"name": "asking", "parameters": space, "minimize": "loss", "budget": {"trials": 3}}
    )
    defined = CampaignDefined(time=datetime(2026, 3, 1, tzinfo=UTC), actor="user", uid="1", definition=campaign)
    await open_ledger(str(folder), "asking", folder).append([defined], after=0)
    return Question(place=place_of(str(folder), "asking"), events_seen=1, q=1, asked=proposer)


async def there_are(count: int, server: Server, pool: str) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 120
    while len(found := await asyncio.to_thread(server.runs_of, pool)) < count:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.2)
    return found


def trials_of(folder: Path):
    path = folder / "campaign.yaml"
    return kept_at(path).events()


@pytest.mark.long
@pytest.mark.slow
def test_one_worker_proposes_for_two_campaigns_at_once_and_every_proposal_replays(tmp_path, server, pool):
    folders = [a_campaign(tmp_path / name, pool, "4m") for name in ("one", "two")]
    controllers = [started(folder, server) for folder in folders]
    with server.worker(pool, tmp_path):
        said = [controller.communicate(timeout=240)[0] for controller in controllers]
    for folder, words in zip(folders, said, strict=True):
        assert "3 observed, 0 running, 0 failed" in words
        found = list(replay(trials_of(folder), folder))
        assert [each.verdict for each in found] == ["same"] * 3
        made = [e.provenance for e in trials_of(folder) if e.kind == "trial_proposed"]
        assert {provenance.asked.stand_in for provenance in made} == {None}
    [served] = server.post("/work_pools/filter", {"work_pools": {"name": {"any_": [pool]}}})
    assert served["concurrency_limit"] == 1
    runs = server.runs_of(pool)
    assert {tuple(sorted(run["tags"])) for run in runs} == {("gpu", "overnight")}
    assert {run["state_type"] for run in runs} == {"COMPLETED"}
    assert all("x=" in run["state"]["message"] for run in runs)


@pytest.mark.slow
def test_without_a_worker_others_stand_in_and_the_ledger_says_why(tmp_path, server, pool):
    folder = a_campaign(tmp_path / "alone", pool, "2s")
    said = started(folder, server).communicate(timeout=240)[0]
    assert "3 observed, 0 running, 0 failed" in said
    assert "the proposer was unavailable for 3 trials" in said
    assert "(sobol, stands in)" in said
    # Neither a stand-in nor a proposal left unanswered at the end is an error.
    assert "Traceback" not in said
    assert "Crash" not in said
    made = [e.provenance for e in trials_of(folder) if e.kind == "trial_proposed"]
    assert {provenance.asked.stand_in for provenance in made} == {"sobol"}
    assert {provenance.asked.away for provenance in made} == {
        f"no worker of pool `{pool}` answered within 2s (`proposing.time_limit`)"
    }
    runs = server.runs_of(pool)
    # The last run stays for a controller that asks the same again: this one ended while it waited for the answer.
    assert "CANCELLED" in {run["state_type"] for run in runs} <= {"CANCELLED", "SCHEDULED"}


@pytest.mark.slow
async def test_who_asks_again_finds_a_run_under_way_and_another_one_where_it_has_ended_badly(tmp_path, asked, pool):
    question, proposer = await a_question(tmp_path, SobolProposer()), PoolProposer(pool, timedelta(minutes=5))
    first = asyncio.create_task(proposer.ask(question))
    [crashed] = await there_are(1, asked, pool)
    asked.post(f"/flow_runs/{crashed['id']}/set_state", {"state": {"type": "CRASHED"}, "force": True})
    with pytest.raises(ProposerUnavailable, match="failed"):
        await first
    second = asyncio.create_task(proposer.ask(question))
    await there_are(2, asked, pool)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    # Another controller, which knows nothing of the first two requests, asks as well.
    third = asyncio.create_task(PoolProposer(pool, timedelta(minutes=5)).ask(question))
    with asked.worker(pool, tmp_path):
        assert len(await third) == 1
    assert [run["state_type"] for run in asked.runs_of(pool)] == ["CRASHED", "COMPLETED"]
    # A completed run answers the question for ever, without any worker.
    assert await proposer.ask(question) == third.result()
    assert len(asked.runs_of(pool)) == 2


@pytest.mark.long
@pytest.mark.slow
async def test_a_run_that_died_with_its_worker_and_its_controller_does_not_hold_the_only_place_for_ever(
    tmp_path, asked, pool
):
    question = await a_question(tmp_path, SobolProposer())
    dying = asyncio.create_task(PoolProposer(pool, timedelta(seconds=1)).ask(question))
    [run] = await there_are(1, asked, pool)
    # The controller is gone before it can give the run up, and no worker is left to report the end of the run.
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    asked.post(f"/flow_runs/{run['id']}/set_state", {"state": {"type": "RUNNING"}, "force": True})
    with asked.worker(pool, tmp_path):
        answer = await PoolProposer(pool, timedelta(minutes=4)).ask(question.model_copy(update={"q": 2}))
    assert len(answer) == 2
    assert [run["state_type"] for run in asked.runs_of(pool)] == ["CRASHED", "COMPLETED"]


@pytest.mark.long
@pytest.mark.slow
async def test_a_computation_that_hangs_on_the_pool_is_killed_and_who_asks_again_gets_an_answer(tmp_path, asked, pool):
    (tmp_path / "hanging.py").write_text(HANGING)
    (tmp_path / "hang").touch()
    question = await a_question(tmp_path, CustomProposer(implementation="hanging:Hanging", folder=tmp_path))
    with asked.worker(pool, tmp_path):
        tries = 0
        # A busy machine may not begin within the first limits.
        while not (tmp_path / "pid").exists():
            tries += 1
            with pytest.raises(ProposerUnavailable, match=f"no worker of pool `{pool}` answered within {10 * tries}s"):
                await PoolProposer(pool, timedelta(seconds=10 * tries)).ask(question)
        # It may have ended before.
        with suppress(ProcessLookupError):
            hanging = os.pidfd_open(int((tmp_path / "pid").read_text()))
            ready, _, _ = await asyncio.to_thread(select.select, [hanging], [], [], 120)
            os.close(hanging)
            assert ready
        (tmp_path / "hang").unlink()
        [proposal] = await PoolProposer(pool, timedelta(minutes=4)).ask(question)
    assert proposal.point == {"x": 0.5}
    [*given_up, answered] = asked.runs_of(pool)
    # A run that was given up before it began may still begin; the next request then waits for it.
    assert 1 <= len(given_up) <= tries
    # A killed run may report its failure after it was given up; one that began later than that hangs no more.
    states = {run["state_type"] for run in given_up}
    assert states & {"CANCELLED", "FAILED"}
    assert states <= {"CANCELLED", "FAILED", "COMPLETED"}
    assert answered["state_type"] == "COMPLETED"


@pytest.mark.long
@pytest.mark.slow
def test_a_controller_gets_the_answer_of_the_run_that_a_killed_one_began(tmp_path, server, pool):
    folder = a_campaign(tmp_path / "again", pool, "4m")
    first = started(folder, server)
    [begun] = asyncio.run(there_are(1, server, pool))
    first.kill()
    first.communicate()
    second = started(folder, server)
    with server.worker(pool, tmp_path):
        said = second.communicate(timeout=240)[0]
    assert "3 observed, 0 running, 0 failed" in said
    # Both controllers asked for the first points, and one run answered both.
    before = [event.kind for event in trials_of(folder)].index("trial_proposed")
    asked = [run["id"] for run in server.runs_of(pool) if run["parameters"]["question"]["events_seen"] <= before]
    assert asked == [begun["id"]]
    assert [each.verdict for each in replay(trials_of(folder), folder)] == ["same"] * 3
