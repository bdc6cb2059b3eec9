"""A campaign with its ledger in a bucket is run, read, killed and resumed as with a directory."""

import asyncio
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command_line import CAMPAIGN, OBJECTIVE, command, overnight, overnight_here
from own_prefect import Server
from read_ledgers import events_of
from s3_server import AUDITOR, WRITER, S3Server

from overnight.storage import open_ledger


@pytest.mark.long
@pytest.mark.slow
def test_a_campaign_runs_and_is_resumed_with_its_ledger_in_a_bucket(
    tmp_path: Path, s3: S3Server, bucket: str, server: Server, monkeypatch
):
    bucket = f"{bucket}/pre fix/ünïcode"
    (tmp_path / "campaign.yaml").write_text(f"{CAMPAIGN}ledger: {bucket}\n")
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    assert f"{bucket}/small" in overnight_here(tmp_path, "check", "campaign.yaml").stdout
    (tmp_path / "hold").touch()
    variables = {**os.environ, **server.environment}
    controller = subprocess.Popen(
        command("run", "campaign.yaml"), cwd=tmp_path, env=variables, stdout=subprocess.DEVNULL
    )
    while "attempt_started" not in kinds_in(bucket):
        assert controller.poll() is None
        time.sleep(0.2)
    controller.send_signal(signal.SIGKILL)
    controller.wait()
    (tmp_path / "hold").unlink()

    said = overnight(tmp_path, "run", "campaign.yaml", variables=variables).stdout
    assert "recommended (" in said
    assert f"{bucket}/small" in said

    # An auditor's key is enough for reading.
    for name, value in AUDITOR.environment(s3.endpoint).items():
        monkeypatch.setenv(name, value)
    rows = json.loads(overnight_here(tmp_path, "trials", "--format", "json").stdout)
    assert [row["trial"] for row in rows] == list(range(1, 13))
    assert {row["status"] for row in rows} <= {"observed", "failed"}
    assert f"{bucket}/small" in overnight_here(tmp_path, "status").stdout
    overnight_here(tmp_path, "report", "--output", "page.html")
    assert f"{bucket}/small" in (tmp_path / "page.html").read_text()
    assert json.loads(
        overnight_here(tmp_path, "query", "select count(*) as n from trials", "--format", "json").stdout
    ) == [{"n": 12}]
    assert "whole" in overnight_here(tmp_path, "verify").stdout
    assert "different" not in overnight_here(tmp_path, "replay").stdout
    assert "It is the baseline" in overnight_here(tmp_path, "explain", "1").stdout
    assert "small" in overnight_here(tmp_path, "campaigns", bucket).stdout
    overnight_here(tmp_path, "export", "past.parquet")
    assert not (tmp_path / "ledger").exists()

    # A writer's key is enough to begin another campaign with the results of this one.
    for name, value in WRITER.environment(s3.endpoint).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "next.yaml").write_text(
        f"{CAMPAIGN.replace('small', 'next').replace('kept', 'kept-next')}ledger: {bucket}\n"
    )
    assert "imported" in overnight_here(tmp_path, "import", "past.parquet", "next.yaml").stdout
    assert "whole" in overnight_here(tmp_path, "verify", f"{bucket}/next").stdout


def kinds_in(bucket: str) -> set[str]:
    """Return the kinds of the events in the campaign's ledger so far."""
    return {event.kind for event in asyncio.run(events_of(open_ledger(bucket, "small", Path())))}
