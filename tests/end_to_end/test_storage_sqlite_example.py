"""The example that tunes SQLite runs whole, and recommends faster settings than SQLite's own settings."""

import json
import sys
from contextlib import closing
from pathlib import Path

import pytest
from command_line import overnight_here
from run_example import run_here

EXAMPLE = Path(__file__).parents[2] / "examples" / "storage_sqlite"
SETTINGS = {"page_size": 4096, "cache_kib": 2000, "mmap_mib": 0, "batch": 32}


@pytest.fixture
def database(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLE)
    import database  # pyright: ignore[reportMissingImports]

    yield database
    del sys.modules["database"]


@pytest.mark.parametrize("journal_mode", ["delete", "truncate", "persist", "wal"])
def test_the_database_has_the_settings_and_removes_a_journal_durably(journal_mode, database, tmp_path):
    with closing(database.opened(tmp_path, {**SETTINGS, "journal_mode": journal_mode})) as opened:
        [(mode,)] = opened.execute("pragma journal_mode").fetchall()
        [(synchronous,)] = opened.execute("pragma synchronous").fetchall()
    # 3 is `extra`. With `full`, a loss of power may bring back a deleted journal, and with it undo the last commit.
    assert (mode, synchronous) == (journal_mode, 3)


def test_a_journal_mode_that_sqlite_does_not_take_is_a_failed_trial(database, tmp_path):
    with pytest.raises(RuntimeError, match="journal mode unknown, which was asked for, found delete"):
        database.opened(tmp_path, {**SETTINGS, "journal_mode": "unknown"})


@pytest.mark.parametrize("taken", [[1.0] * 9 + [10.0], [2.0, 3.0]])
def test_hardly_any_transaction_takes_longer_than_the_99th_percentile_and_one_takes_as_long(taken, database):
    assert sorted(taken)[-2] < database.percentile_99(taken) <= max(taken)


def test_a_disk_on_which_a_transaction_takes_longer_than_the_measurement_has_a_result(database, tmp_path):
    with closing(database.opened(tmp_path, {**SETTINGS, "journal_mode": "delete"})) as opened:
        drawn = database.random.Random(1)
        database.fill(opened, drawn)
        taken = database.transactions(opened, database.one_after_another(drawn), 1, 0.0)
    assert database.percentile_99(taken) > 0


@pytest.mark.slow
def test_the_example_recommends_settings_that_are_faster_than_the_defaults(tmp_path):
    for name, (whole, part) in {
        "campaign.yaml": ("trials: 24", "trials: 10"),
        "database.py": ("WARM_UP, SECONDS = 0.2, 1.0", "WARM_UP, SECONDS = 0.1, 0.5"),
    }.items():
        text = (EXAMPLE / name).read_text()
        assert whole in text
        (tmp_path / name).write_text(text.replace(whole, part))
    recommended = run_here(tmp_path).recommend()
    rows = json.loads(overnight_here(tmp_path, "trials", "--format", "json").stdout)
    assert [row["status"] for row in rows] == ["observed"] * 10
    # Only a log has checkpoints.
    assert all((row["wal_autocheckpoint"] is None) == (row["journal_mode"] != "wal") for row in rows)
    [default] = [row for row in rows if row["generator"] == "baseline"]
    assert recommended is not None
    assert recommended.mean > default["ops_per_s"]
