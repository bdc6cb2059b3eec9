"""The folder of a private Prefect server, new at each start and removed at its end."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from overnight.evaluators.processes.private_folder import private_folder

LOG = "server.log"
_LOCK = "lock"
_PREFIX = "run-"
# What every folder of ours holds.
_MARKS = (_LOCK, "prefect.db")
# Prefect kept these in the folder itself, open to other users.
_OF_OLDER_VERSIONS = (
    *("prefect.db", "prefect.db-journal", "prefect.db-shm", "prefect.db-wal"),
    *("storage", "memo_store.toml", "profiles.toml"),
)


class PrefectHome:
    """A folder of this process in `shared`, under a name that cannot be foreseen, and empty.

    A server begins with a new database: what anybody has written into the last one, such as a limit of 0, is not there.
    The folder is locked for as long as this process lives. The folders of others in `shared` that are not locked are
    what was left by controllers that were killed; they are removed, with what older versions have left there. Nothing
    else is: the folder may be a person's own, under the same name or behind a link.
    """

    def __init__(self, shared: Path) -> None:
        private_folder(shared)
        self.log = shared / LOG
        beginning = _lock(shared / _LOCK, fcntl.LOCK_EX)
        _clear(shared)
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=shared.resolve()))
        self._held = _lock(self.folder / _LOCK, fcntl.LOCK_EX)
        _release(beginning)

    def remove(self) -> None:
        """Remove it with everything in it: what matters is in the ledger."""
        shutil.rmtree(self.folder, ignore_errors=True)
        _release(self._held)


def _lock(path: Path, how: int) -> int | None:
    """Return an open file that holds the lock, or None if it is another one's or the file system has no locks."""
    try:
        held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(held, how)
    except OSError:
        os.close(held)
        return None
    return held


def _release(held: int | None) -> None:
    if held is not None:
        os.close(held)


def _clear(shared: Path) -> None:
    for folder in shared.glob(f"{_PREFIX}*/"):
        if any((folder / name).is_file() for name in _MARKS) or not any(folder.iterdir()):
            _remove_unless_held(folder)
    if shared.is_symlink():
        return
    for path in map(shared.joinpath, _OF_OLDER_VERSIONS):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def _remove_unless_held(folder: Path) -> None:
    if folder.is_symlink():
        with suppress(OSError):
            folder.unlink()
    elif (held := _lock(folder / _LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)) is not None:
        shutil.rmtree(folder, ignore_errors=True)
        _release(held)
