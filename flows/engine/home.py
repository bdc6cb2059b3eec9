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
# Every folder of ours holds at least one of these.
_MARKS = (_LOCK, "prefect.db")
# With older versions, Prefect kept these in the shared folder itself, open to other users.
_OLDER_FILES = (
    *("prefect.db", "prefect.db-journal", "prefect.db-shm", "prefect.db-wal"),
    *("storage", "memo_store.toml", "profiles.toml"),
)


class PrefectHome:
    """An empty folder of this process in `shared`, under an unpredictable name.

    So a server begins with a new database, without anything that was written into the last one, such as a limit of 0.
    The folder is locked for as long as this process lives. Unlocked folders in `shared` were left by controllers that
    were killed; they are removed, together with files of older versions. Nothing else is removed: the folder may be a
    person's own, under the same name or behind a link.
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
        """Remove the folder with everything in it; nothing is lost, because the ledger is elsewhere."""
        shutil.rmtree(self.folder, ignore_errors=True)
        _release(self._held)


def _lock(path: Path, how: int) -> int | None:
    """Return an open file that holds the lock; None if another process holds it or the file system has no locks."""
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
    for path in map(shared.joinpath, _OLDER_FILES):
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
