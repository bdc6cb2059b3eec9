"""Objects in a directory: written once, durable when acknowledged, and with clear errors."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from permissions import obeying

from overnight.campaign.errors import LedgerError
from overnight.storage import LocalStore
from overnight.storage.stores.local_store import explained
from overnight.storage.stores.store import ObjectExists, ObjectMissing

REPOSITORY = Path(__file__).parents[3]


def test_an_object_is_never_overwritten(tmp_path):
    store = LocalStore(tmp_path)
    store.create("a/b", b"first")
    with pytest.raises(ObjectExists):
        store.create("a/b", b"second")
    assert store.get("a/b") == b"first"
    assert os.listdir(tmp_path / "a") == ["b"]


def test_what_is_replaced_is_there_whole_and_nothing_beside_it(tmp_path):
    store = LocalStore(tmp_path)
    for data in (b"first", b"second, and longer", b""):
        store.replace("a/b", data)
        assert store.get("a/b") == data
    assert os.listdir(tmp_path / "a") == ["b"]


def test_a_missing_object_is_told_from_an_empty_one(tmp_path):
    store = LocalStore(tmp_path)
    store.create("empty", b"")
    assert store.get("empty") == b""
    with pytest.raises(ObjectMissing):
        store.get("missing")


def test_keys_come_sorted_across_folders_from_after_the_given_one(tmp_path):
    store = LocalStore(tmp_path)
    keys = ["e/00/1", "e/00/2", "e/00.x", "e/01/1", "e/01/2", "e/02/1", "e/zz", "f/1"]
    for key in reversed(keys):
        store.create(key, b"")
    inside = sorted(key for key in keys if key.startswith("e/"))
    assert store.keys("e/") == tuple(inside)
    for start in [*keys, "e/01/15", "e/005", "a", "z"]:
        assert store.keys("e/", start_after=start) == tuple(key for key in inside if key > start)
    assert store.keys("nowhere/") == ()


def test_file_and_folders_are_on_the_disk_before_create_returns(tmp_path, monkeypatch):
    done: list[tuple[str, str]] = []
    fsync, link = os.fsync, os.link

    def recorded_fsync(descriptor: int) -> None:
        fsync(descriptor)
        done.append(("sync", os.readlink(f"/proc/self/fd/{descriptor}")))

    def recorded_link(source, target) -> None:
        link(source, target)
        done.append(("link", str(target)))

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "link", recorded_link)
    store = LocalStore(tmp_path / "new/root")
    store.create("a/b/object", b"bytes")

    folder = tmp_path / "new/root/a/b"
    assert [what for what, _ in done[-3:]] == ["sync", "link", "sync"]
    assert Path(done[-3][1]).name.startswith(".tmp-")
    assert [path for _, path in done[-2:]] == [str(folder / "object"), str(folder)]
    parents = [str(tmp_path / part) for part in (".", "new", "new/root", "new/root/a")]
    assert done[:-3] == [("sync", parent) for parent in parents]

    done.clear()
    with pytest.raises(ObjectExists):
        LocalStore(tmp_path / "new/root").create("a/b/object", b"other")
    assert done[-1] == ("sync", str(folder)), "the winner's name must be durable before the loser acts on it"


def test_a_path_that_is_a_file_is_refused_for_reading_and_writing(tmp_path):
    (tmp_path / "ledger").write_text("a file")
    store = LocalStore(tmp_path / "ledger")
    with pytest.raises(LedgerError, match=r"ledger.*Not a directory.*Expected a directory there"):
        store.keys("events/")
    with pytest.raises(LedgerError, match=r"ledger.*Not a directory.*Expected a directory there"):
        store.create("events/1", b"")


def test_an_object_that_does_not_fit_leaves_nothing_behind(tmp_path):
    store = LocalStore(tmp_path)
    store.create("a/small", b"")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit on file sizes makes a write fail halfway, as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(LedgerError, match=r"cannot write.*a/large.*Free some space"):
            store.create("a/large", bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path / "a") == ["small"]
    store.create("a/large", b"now it fits")


def test_a_directory_that_may_not_be_written_is_named(tmp_path):
    tmp_path.chmod(0o555)
    script = (
        "import sys; from pathlib import Path; from overnight.storage import LocalStore\n"
        "LocalStore(Path(sys.argv[1])).create('a/b', b'')"
    )
    ended = subprocess.run(
        obeying([sys.executable, "-c", script, str(tmp_path)]),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("overnight.campaign.errors.LedgerError: ledger: cannot write")
    assert str(tmp_path / "a/b") in last
    assert "Permission denied. Let this user read and write the directory" in last


@contextmanager
def flagged(folder: Path, flag: str) -> Iterator[None]:
    """Set an attribute of the file system on the folder; skip the test if this machine does not allow it."""
    try:
        given = subprocess.run(["chattr", f"+{flag}", folder], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        given = False
    if not given:
        pytest.skip("needs root and a file system with attributes")
    try:
        yield
    finally:
        subprocess.run(["chattr", f"-{flag}", folder], check=True)


def test_a_folder_that_is_immutable_is_said_to_be_that(tmp_path):
    store = LocalStore(tmp_path)
    store.create("a/b", b"first")
    with (
        flagged(tmp_path / "a", "i"),
        pytest.raises(LedgerError, match=r"a/c.*not permitted.*immutable.*lsattr") as told,
    ):
        store.create("a/c", b"")
    assert "hard links" not in str(told.value)


def test_a_folder_in_which_nothing_may_be_removed_keeps_what_is_created(tmp_path):
    store = LocalStore(tmp_path)
    store.create("a/b", b"first")
    with flagged(tmp_path / "a", "a"):
        store.create("a/c", b"second")
        with pytest.raises(ObjectExists):
            store.create("a/c", b"third")
    assert store.get("a/c") == b"second"
    assert store.keys("a/") == ("a/b", "a/c")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.EPERM, "immutable or append-only"),
        (errno.EOPNOTSUPP, "needs a file system with hard links"),
        (errno.ENOSYS, "needs a file system with hard links"),
        (errno.EACCES, "Let this user read and write"),
        (errno.EIO, "Fix this and start again"),
    ],
)
def test_what_the_system_refuses_is_explained_by_what_it_is(tmp_path, code, says):
    with pytest.raises(LedgerError, match=rf"{os.strerror(code)}.*{says}"), explained("write", tmp_path / "a"):
        raise OSError(code, "")
