"""The empty database of a campaign's own Prefect server: laid out once, then copied, and never a broken copy."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from prefect import __version__
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL, temporary_settings

from flows.prefect_database import DATABASE, lay_out


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the copy is kept; the server's folder is the working folder."""
    (tmp_path / "server").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path / "server")
    folder = tmp_path / "cache" / "overnight"
    folder.mkdir(parents=True)
    return folder / f"prefect-{__version__}.db"


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        return {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}


def test_a_server_begins_with_a_copy_of_the_kept_database(kept: Path):
    with closing(sqlite3.connect(kept)) as database:
        database.execute("create table from_the_copy (x)")
    lay_out()
    assert tables(Path(DATABASE)) == {"from_the_copy"}
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_a_kept_database_that_is_broken_is_laid_out_again(kept: Path):
    kept.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    # As the server's process has it.
    with temporary_settings({PREFECT_SERVER_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{DATABASE}"}):
        lay_out()
    assert {"flow_run", "concurrency_limit"} <= tables(Path(DATABASE))
    assert tables(kept) == tables(Path(DATABASE))


def test_a_database_that_is_there_is_kept_as_it_is(kept: Path):
    Path(DATABASE).write_bytes(b"of the server that died")
    lay_out()
    assert Path(DATABASE).read_bytes() == b"of the server that died"
    assert not kept.exists()
