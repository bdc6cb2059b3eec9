import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_command_line import OBJECTIVE, command, overnight

from flows.campaign_file import CampaignFile, load_campaign_file

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
