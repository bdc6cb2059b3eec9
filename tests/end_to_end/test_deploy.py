import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_command_line import OBJECTIVE, command, environment, overnight

from flows.campaign_file import CampaignFile, load_campaign_file
from flows.prefect_server import PrefectServer

CAMPAIGN = """
name: night
parameters:
  x: {{kind: float, low: 0, high: 1}}
  mode: {{kind: fixed, value: fast}}
minimize: loss
evaluator: {{function: "objective:evaluate", time_limit: 5m}}
proposer: {{kind: sobol}}
budget: {{trials: 2}}
window: {{from: "{opens:%H:%M}", to: "{shuts:%H:%M}", zone: UTC, days: [mon, tue, wed, thu, fri, sat, sun]}}
"""


class Server:
    """A Prefect server of the user's own, as far as a test asks it."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.environment = environment() | {
            "PREFECT_API_URL": url,
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def run(self, *arguments: str, folder: Path) -> str:
        done = subprocess.run(arguments, cwd=folder, env=self.environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "prefect"
    home.mkdir()
    started = PrefectServer(home)
    try:
        asyncio.run(started.ready())
        yield Server(started.url, home)
    finally:
        started.kill()


def a_campaign(folder: Path, opens: datetime, shuts: datetime) -> Path:
    folder.mkdir()
    (folder / "campaign.yaml").write_text(CAMPAIGN.format(opens=opens, shuts=shuts))
    (folder / "objective.py").write_text(OBJECTIVE)
    return folder


def test_without_a_server_that_stays_nothing_is_deployed(tmp_path):
    now = datetime.now(UTC)
    folder = a_campaign(tmp_path / "here", now, now + timedelta(hours=1))
    assert "PREFECT_API_URL" in overnight(folder, "deploy", "campaign.yaml", code=1).stderr


@pytest.mark.slow
def test_a_deployed_campaign_is_started_when_its_window_opens_and_runs_on_a_worker(tmp_path, server):
    now = datetime.now(UTC)
    folder = a_campaign(tmp_path / "here", now - timedelta(hours=6), now + timedelta(hours=6))
    file = load_campaign_file(folder / "campaign.yaml")
    window = file.campaign.window
    for _ in range(2):  # the second time it is brought up to date
        said = server.run(*command("deploy", "campaign.yaml", "--pool", "nights"), folder=folder)
    assert "campaign/night: starts whenever its window" in said
    assert window.said(window.next_opening(now)) in said

    [deployed] = server.post("/deployments/filter", {})
    assert deployed["work_pool_name"] == "nights"
    assert CampaignFile.model_validate(deployed["parameters"]["file"]) == file
    [schedule] = deployed["schedules"]
    assert schedule["active"]
    assert schedule["schedule"]["timezone"] == "UTC"

    prefect = [sys.executable, "-m", "prefect"]
    server.run(*prefect, "deployment", "run", "campaign/night", folder=folder)
    server.run(*prefect, "worker", "start", "--pool", "nights", "--run-once", "--limit", "1", folder=tmp_path)
    status = server.run(*command("status", "campaign.yaml"), folder=folder)
    assert "finished: all 2 trials of the budget have been tried" in status
