"""The empty database of a campaign's own Prefect server is created once, and its copy is used only if it is intact."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from overnight.flows.engine.database import DATABASE, lay_out


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "overnight"


class Server:
    """A server in its own folder, which creates its database if it gets no copy."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        monkeypatch.chdir(folder)
        self.worked = False
        lay_out(self._anew)
        with closing(sqlite3.connect(DATABASE)) as database:
            assert database.execute("select revision from version").fetchall() == [("head",)]

    async def _anew(self) -> None:
        self.worked = True
        with closing(sqlite3.connect(DATABASE)) as database:
            database.execute("create table version as select 'head' as revision")
            database.commit()


def test_a_database_is_laid_out_once_and_copied_since(cache, tmp_path, monkeypatch):
    assert [Server(tmp_path / name, monkeypatch).worked for name in ("first", "second")] == [True, False]


def altered(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("update version set revision = 'of another version'")
        database.commit()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def replaced_by_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def replaced_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("spoilt", [altered, cut, emptied, replaced_by_a_link, replaced_by_a_pipe])
def test_a_copy_that_is_not_as_it_was_kept_is_not_used_and_is_replaced(cache, tmp_path, monkeypatch, spoilt):
    Server(tmp_path / "first", monkeypatch)
    spoilt(next(cache.glob("prefect-*")))
    assert [Server(tmp_path / name, monkeypatch).worked for name in ("second", "third")] == [True, False]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder to another user")
def test_nothing_is_taken_from_the_cache_of_another_user_and_nothing_is_left_there(cache, tmp_path, monkeypatch):
    cache.mkdir(parents=True)
    os.chown(cache, 65534, 65534)
    assert [Server(tmp_path / name, monkeypatch).worked for name in ("first", "second")] == [True, True]
    assert list(cache.iterdir()) == []


def test_without_a_folder_to_keep_it_in_each_server_lays_out_its_own(tmp_path, monkeypatch):
    (tmp_path / "cache").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert [Server(tmp_path / name, monkeypatch).worked for name in ("first", "second")] == [True, True]
