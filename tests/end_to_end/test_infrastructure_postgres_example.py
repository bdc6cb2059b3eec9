"""The example that tunes PostgreSQL measures real servers, and names the packages that it needs."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from command_line import overnight_here
from run_example import run_here

EXAMPLE = Path(__file__).parents[2] / "examples" / "infrastructure_postgres"
sys.path.insert(0, str(EXAMPLE))

import postgres  # noqa: E402  # pyright: ignore[reportMissingImports]


def is_installed() -> bool:
    try:
        return bool(postgres.programs())
    except SystemExit:
        return False


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not is_installed(), reason="PostgreSQL with pgbench is not installed")
def test_the_example_measures_settings_against_the_defaults(tmp_path):
    for name in ("campaign.yaml", "postgres.py"):
        shutil.copy(EXAMPLE / name, tmp_path)
    # The server runs as another user if we are root.
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    source = tmp_path / "campaign.yaml"
    source.write_text(source.read_text().replace("trials: 40", "trials: 2"))
    code = tmp_path / "postgres.py"
    text = code.read_text().replace("PORT = 10, 300_000,", "PORT = 1, 20_000,")
    code.write_text(text.replace("SECONDS = 1, 5", "SECONDS = 1, 3"))
    assert run_here(tmp_path).recommend() is not None
    for row in json.loads(overnight_here(tmp_path, "trials", "--format", "json").stdout):
        assert row["transactions_per_s"] > 0
        assert row["transactions_per_s / default_transactions_per_s"] > 0
        assert (row["commit_siblings"] is None) == (row["commit_delay"] == 0)
    assert not (tmp_path / "cluster" / "data" / "postmaster.pid").exists()


def test_a_second_without_transactions_counts_as_such():
    # The first and the last second are incomplete.
    assert postgres.in_each_second([10, 11, 11, 14, 14, 14, 15]) == [2, 0, 0, 3]


def test_the_folder_may_have_a_space_in_its_name(monkeypatch, tmp_path):
    place = tmp_path / "a b" / "cluster"
    place.mkdir(parents=True)
    calls = []
    monkeypatch.setattr(postgres, "CLUSTER", place)
    monkeypatch.setattr(postgres, "called", lambda *words: calls.append([str(word) for word in words]))
    with postgres.server({"jit": False}):
        pass
    [options] = [call[call.index("-o") + 1] for call in calls if "-o" in call]
    assert f"unix_socket_directories={place}" in shlex.split(options)


def test_where_postgresql_is_missing_the_example_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(postgres, "Path", lambda *_: tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="apt-get install postgresql"):
        postgres.programs()
