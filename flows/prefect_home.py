"""The folder in which a campaign's own Prefect server keeps everything, new for each start and gone at its end."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from evaluators.private_folder import private_folder

LOG = "server.log"
_LOCK = "lock"
_PREFIX = "run-"


class PrefectHome:
    """A folder of this process in `shared`, under a name that cannot be foreseen, and empty.

    A server begins with a new database: what anybody has written into the last one, such as a limit of 0, is not there.
    The folder is locked for as long as this process lives. The folders of others in `shared` that are not locked are
    what was left by controllers that were killed; they are removed, with everything else there except the log.
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
    for path in shared.iterdir():
        if path.name in (LOG, _LOCK):
            continue
        if path.is_dir() and not path.is_symlink():
            _remove_unless_held(path)
        else:
            with suppress(OSError):
                path.unlink()


def _remove_unless_held(folder: Path) -> None:
    if not folder.name.startswith(_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
    elif (held := _lock(folder / _LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)) is not None:
        shutil.rmtree(folder, ignore_errors=True)
        _release(held)
