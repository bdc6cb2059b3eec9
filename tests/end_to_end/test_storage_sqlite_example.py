"""The example that tunes SQLite runs whole, and recommends faster settings than SQLite's own settings."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import overnight, overnight_here

EXAMPLE = Path(__file__).parents[2] / "examples" / "storage_sqlite"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_example_recommends_settings_that_are_faster_than_the_defaults(tmp_path, server):
    for name in ("campaign.yaml", "database.py"):
        shutil.copy(EXAMPLE / name, tmp_path)
    printed = overnight(tmp_path, "run", "campaign.yaml", variables=server.environment).stdout
    assert "24 observed, 0 running, 0 failed" in printed
    rows = json.loads(overnight_here(tmp_path, "trials", "--format", "json").stdout)
    # Only a log has checkpoints.
    assert all((row["wal_autocheckpoint"] is None) == (row["journal_mode"] != "wal") for row in rows)
    [default] = [row for row in rows if row["generator"] == "baseline"]
    [made] = json.loads(overnight_here(tmp_path, "query", "select * from recommendations", "--format", "json").stdout)
    assert made["mean"] > default["ops_per_s"]
