import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from command_line import OBJECTIVE, command, overnight, overnight_here
from own_prefect import a_name
from read_ledgers import events_of

from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptStarted,
    CampaignFinished,
    CampaignRevised,
    Event,
    LeaseTaken,
    TrialObserved,
)
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file
from overnight.flows.engine.deployment import AGAIN
from overnight.flows.host.identity import process_started
from overnight.storage import open_ledger

CAMPAIGN = """
name: {name}
parameters:
  x: {{kind: float, low: 0, high: 1}}
  mode: {{kind: fixed, value: fast}}
minimize: loss
evaluator: {{function: "objective:evaluate", time_limit: 5m}}
proposer: {{kind: sobol}}
budget: {{trials: {trials}}}
window: {{from: "{opens:%H:%M}", to: "{shuts:%H:%M}", zone: UTC, days: [mon, tue, wed, thu, fri, sat, sun]}}
"""


SLOW_OBJECTIVE = """
import time

def evaluate(params):
    time.sleep(1)
    return params["x"]
"""

HELD_OBJECTIVE = """
import os, time

def evaluate(params):
    while os.path.exists("hold"):
        time.sleep(0.05)
    return params["x"]
"""


def a_campaign(within: Path, opens: datetime, shuts: datetime, trials: int = 2) -> Path:
    """Return the folder of a campaign; the campaign and the pool to deploy it to have the folder's name."""
    folder = within / a_name()
    folder.mkdir()
    written = CAMPAIGN.format(name=folder.name, opens=opens, shuts=shuts, trials=trials)
    (folder / "campaign.yaml").write_text(written)
    (folder / "objective.py").write_text(OBJECTIVE)
    return folder


def test_without_a_server_that_stays_nothing_is_deployed(tmp_path):
    now = datetime.now(UTC)
    folder = a_campaign(tmp_path, now, now + timedelta(hours=1))
    assert "PREFECT_API_URL" in overnight(folder, "deploy", "campaign.yaml", code=1).stderr


@pytest.mark.slow
def test_a_deployed_campaign_is_started_when_its_window_opens_and_runs_on_a_worker(tmp_path, server):
    now = datetime.now(UTC)
    folder = a_campaign(tmp_path, now - timedelta(hours=6), now + timedelta(hours=6))
    file = load_campaign_file(folder / "campaign.yaml")
    window = file.campaign.window
    for _ in range(2):  # the second time updates the deployment
        said = server.run(*command("deploy", "campaign.yaml", "--pool", folder.name), folder=folder)
    assert f"campaign/{folder.name}: starts whenever its window" in said
    assert window.local_text(window.next_opening(now)) in said

    deployed = server.deployment_of(folder.name)
    assert deployed["work_pool_name"] == folder.name
    assert CampaignFile.model_validate(deployed["parameters"]["file"]) == file
    assert all(each["active"] and each["schedule"]["timezone"] == "UTC" for each in deployed["schedules"])

    prefect = [sys.executable, "-m", "prefect"]
    server.run(*prefect, "deployment", "run", f"campaign/{folder.name}", folder=folder)
    server.run(*prefect, "worker", "start", "--pool", folder.name, "--run-once", "--limit", "1", folder=tmp_path)
    status = overnight_here(folder, "status", "campaign.yaml").stdout
    assert "finished: all 2 trials of the budget have been tried" in status


@pytest.mark.slow
def test_prefect_puts_on_its_schedule_when_a_campaign_is_started_again_if_it_has_died(tmp_path, server):
    now = datetime.now(UTC)
    folder = a_campaign(tmp_path, now - timedelta(hours=6), now + timedelta(hours=6))
    server.deploy(folder)
    opened = load_campaign_file(folder / "campaign.yaml").campaign.window.opened(now)
    expected = [opened + AGAIN * number for number in range(25, 28)]
    deadline = time.monotonic() + 240
    while len(runs := server.runs_of(folder.name)) < len(expected):
        assert time.monotonic() < deadline, runs
        time.sleep(0.2)
    starts = sorted(datetime.fromisoformat(run["expected_start_time"]) for run in runs)
    assert starts[: len(expected)] == expected
    assert all(run["auto_scheduled"] for run in runs)


@pytest.mark.slow
def test_openings_that_the_clocks_skip_have_a_schedule_of_their_own_also_when_deployed_again(tmp_path, server):
    now = datetime.now(UTC)
    folder = a_campaign(tmp_path, now, now + timedelta(hours=6))
    written = (folder / "campaign.yaml").read_text().splitlines()[:-1]
    (folder / "campaign.yaml").write_text("\n".join([*written, "window: 02:30–06:00 Europe/Berlin"]))
    for _ in range(2):
        server.deploy(folder)
    deployed = server.deployment_of(folder.name)
    schedules = [schedule["schedule"] for schedule in deployed["schedules"]]
    lines = {schedule["cron"] for schedule in schedules if "cron" in schedule}
    assert lines == {"30,45 2 * * *", "0,15,30,45 3,4,5 * * *"}
    assert sum("RDATE:" in schedule.get("rrule", "") for schedule in schedules) == len(schedules) - 2 == 1


@pytest.mark.long
@pytest.mark.slow
def test_a_campaign_whose_controller_is_killed_goes_on_by_its_schedule_and_what_is_not_needed_ends_well(
    tmp_path, server
):
    now = datetime.now(UTC)
    folder = a_campaign(tmp_path, now - timedelta(hours=6), now + timedelta(hours=6))
    (folder / "objective.py").write_text(HELD_OBJECTIVE)
    (folder / "hold").touch()
    server.deploy(folder)
    opened = load_campaign_file(folder / "campaign.yaml").campaign.window.opened(now)
    started: list[str] = []

    def start_by_schedule() -> None:
        """Have the server schedule the next start for a time that has passed, so that it begins at once."""
        due = (opened + AGAIN * len(started)).isoformat()
        deployed = server.deployment_of(folder.name)
        server.post(f"/deployments/{deployed['id']}/schedule", {"start_time": due, "end_time": due, "min_runs": 1})
        runs = server.runs_of(folder.name)
        [run] = [r for r in runs if datetime.fromisoformat(r["expected_start_time"]).isoformat() == due]
        assert run["auto_scheduled"]
        started.append(run["id"])

    def state_of_the_last() -> dict[str, str]:
        return next(run["state"] for run in server.runs_of(folder.name) if run["id"] == started[-1])

    def the_last_is(name: str) -> bool:
        return state_of_the_last()["name"] == name

    def artifacts() -> list[dict[str, Any]]:
        return server.post("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": started}}})

    with server.worker(folder.name, tmp_path):
        start_by_schedule()
        events = events_when(folder, lambda events: any(isinstance(e, AttemptStarted) for e in events))
        [first] = [e for e in events if isinstance(e, LeaseTaken)]
        written = (folder / "campaign.yaml").read_text()
        (folder / "campaign.yaml").write_text(written.replace("trials: 2", "trials: 3"))
        overnight_here(folder, "revise", "campaign.yaml", "--why", "more")
        (folder / "campaign.yaml").write_text(written)
        start_by_schedule()
        until(lambda: the_last_is("Completed"))
        assert f"The campaign is held by process {first.pid} on this host" in state_of_the_last()["message"]
        # A revision made since the deployment stays in force.
        [*_, last] = events_when(folder, bool)
        assert isinstance(last, CampaignRevised)
        assert last.definition.budget.trials == 3

        os.kill(first.pid, signal.SIGKILL)
        (folder / "hold").unlink()
        start_by_schedule()
        events = events_when(folder, lambda events: isinstance(events[-1], CampaignFinished))
        assert [e.epoch for e in events if isinstance(e, LeaseTaken)] == [1, 2]
        assert not any(isinstance(e, AttemptFailed) for e in events)
        until(lambda: the_last_is("Completed"))

        shown = artifacts()
        start_by_schedule()
        until(lambda: the_last_is("Completed"))
        assert "The campaign has finished: all 3 trials" in state_of_the_last()["message"]
        assert artifacts() == shown
    by_id = {run["id"]: run["state"]["name"] for run in server.runs_of(folder.name)}
    assert [by_id[run] for run in started] == ["Crashed", "Completed", "Completed", "Completed"]
    # The first run may have been killed before it published any artifact.
    assert {artifact["flow_run_id"] for artifact in shown} - {started[0]} == {started[2]}

    deployed = server.deployment_of(folder.name)
    assert deployed["paused"]
    server.deploy(folder)
    deployed = server.deployment_of(folder.name)
    assert not deployed["paused"]


@pytest.mark.slow
def test_a_run_that_died_with_its_server_does_not_keep_the_next_night_from_starting(tmp_path, server):
    now = datetime.now(UTC)
    folder = a_campaign(tmp_path, now - timedelta(hours=6), now + timedelta(hours=6))
    server.deploy(folder)
    deployed = server.deployment_of(folder.name)
    # As deployed by an earlier version: the server keeps the holder of the only slot in memory alone.
    server.post(f"/deployments/{deployed['id']}", {"concurrency_limit": 1}, "PATCH")
    server.deploy(folder)

    def run_begins() -> str:
        run = server.post(f"/deployments/{deployed['id']}/create_flow_run", {})
        pending = {"state": {"type": "PENDING", "name": "Pending"}}
        return server.post(f"/flow_runs/{run['id']}/set_state", pending)["state"]["type"]

    assert run_begins() == "PENDING"
    server.restart()
    assert run_begins() == "PENDING"


@pytest.mark.long
@pytest.mark.slow
def test_a_deployed_campaign_goes_on_when_its_worker_is_killed(tmp_path, server):
    now = datetime.now(UTC)
    folder = a_campaign(tmp_path, now - timedelta(hours=6), now + timedelta(hours=6), trials=8)
    (folder / "objective.py").write_text(SLOW_OBJECTIVE)
    server.deploy(folder)
    prefect = [sys.executable, "-m", "prefect"]
    server.run(*prefect, "deployment", "run", f"campaign/{folder.name}", folder=folder)
    start = (*prefect, "worker", "start", "--pool", folder.name, "--run-once", "--limit", "1")
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(start, cwd=tmp_path, env=server.environment, stdout=log, stderr=log)
    try:
        events_when(folder, lambda events: any(isinstance(e, TrialObserved) for e in events))
    finally:
        worker.kill()
        worker.wait()
    events = events_when(folder, lambda events: isinstance(events[-1], CampaignFinished))
    [lease] = [e for e in events if isinstance(e, LeaseTaken)]
    if process_started(lease.pid) == lease.started:
        # It would try for half an hour to report its end to a server that no longer runs.
        os.kill(lease.pid, signal.SIGKILL)
    assert not any(isinstance(e, AttemptFailed) for e in events)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def events_when(folder: Path, true_of: Callable[[list[Event]], bool]) -> list[Event]:
    ledger = open_ledger(str(folder / "ledger"), folder.name, folder)
    deadline = time.monotonic() + 240
    while True:
        events = asyncio.run(events_of(ledger))
        if events and true_of(events):
            return events
        assert time.monotonic() < deadline, [event.id for event in events]
        # Each look reads the whole ledger.
        time.sleep(0.5)
