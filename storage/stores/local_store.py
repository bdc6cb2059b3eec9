"""Objects as files in a directory; a file gets its name only once its bytes are on the disk."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from overnight.campaign.errors import LedgerError
from overnight.storage.stores.store import Object, ObjectChanged, ObjectExists, ObjectMissing

_TEMPORARY = ".tmp-"
_READ_ONLY = 0o444
_FULL = "Free some space and start again: everything that was acknowledged is kept."
_REFUSED = "Let this user read and write the directory, or give the ledger another one."
_NO_FOLDER = "Expected a directory there: move the file out of the way, or give the ledger another directory."
_FORBIDDEN = (
    "The folder is immutable or append-only (see `lsattr -d`), only the owners of its files may change them, or a "
    "security policy forbids it. Undo that, or give the ledger another directory."
)
_NO_LINKS = "The ledger needs a file system with hard links: give it a directory on another one."
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EACCES: _REFUSED,
    errno.EROFS: _REFUSED,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EPERM: _FORBIDDEN,
    errno.ENOSYS: _NO_LINKS,
    errno.EOPNOTSUPP: _NO_LINKS,
}


class LocalStore:
    """An ObjectStore in a directory of a POSIX file system; the first write creates the directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[Path] = set()

    @property
    def location(self) -> str:
        """Return the directory."""
        return str(self._root)

    def prove(self, folder: str) -> None:
        """Do nothing: link(2) never replaces a file, and without hard links the first `create` fails."""

    def create(self, key: str, data: bytes, *, after: Object | None = None) -> None:
        """Write the object by temporary file, fsync, link and fsync of the folder; raises ObjectExists.

        Raises ObjectMissing or ObjectChanged if it no longer has `after`.
        """
        if after is not None and self.get(after.key) != after.data:
            raise ObjectChanged(after.key)
        path = self._root / key
        with explained("write", path):
            self._make_folder(path.parent)
            created = _write_once(path, data)
            _sync_folder(path.parent)
        if not created:
            raise ObjectExists(key)

    def replace(self, key: str, data: bytes) -> None:
        """Write the object under a hidden name and rename it."""
        path = self._root / key
        with explained("write", path):
            self._make_folder(path.parent)
            hidden = _hidden_name(path)
            try:
                hidden.write_bytes(data)
                hidden.replace(path)
            finally:
                hidden.unlink(missing_ok=True)

    def get(self, key: str) -> bytes:
        """Return the file's bytes; raises ObjectMissing."""
        path = self._root / key
        with explained("read", path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                raise ObjectMissing(key) from None

    def keys(self, folder: str, *, start_after: str = "") -> tuple[str, ...]:
        """Return the keys in the folder and below it, without temporary files of killed writers."""
        path = self._root / folder
        with explained("read", path):
            try:
                return tuple(_walk(path, folder, start_after))
            except FileNotFoundError:
                return ()

    def folders(self) -> tuple[str, ...]:
        """Return the names of the directories at the top."""
        with explained("read", self._root):
            try:
                return tuple(sorted(entry.name for entry in os.scandir(self._root) if entry.is_dir()))
            except FileNotFoundError:
                return ()

    def _make_folder(self, folder: Path) -> None:
        """Make the folder and its parents, and sync their names to the disk.

        Inside the root, the name of an existing folder is synced once as well: the process that made the folder may
        have ended before it synced the name.
        """
        inside = self._root in folder.parents
        if folder in self._durable or (folder.is_dir() and not inside):
            return
        self._make_folder(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir()
        _sync_folder(folder.parent)
        self._durable.add(folder)


def _write_once(path: Path, data: bytes) -> bool:
    """Write the file under a hidden name and link it to its own; return whether its name was free."""
    hidden = _hidden_name(path)
    try:
        with os.fdopen(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _READ_ONLY), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(hidden, path)
    except FileExistsError:
        return False
    finally:
        # If nothing may be removed, the hidden file stays and is ignored.
        with suppress(OSError):
            hidden.unlink(missing_ok=True)
    return True


def _hidden_name(path: Path) -> Path:
    return path.with_name(f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _walk(path: Path, folder: str, start_after: str) -> Iterator[str]:
    with os.scandir(path) as entries:
        names = sorted(entry.name + "/" * entry.is_dir() for entry in entries)
    for name in names:
        key = folder + name
        if name.endswith("/"):
            if key > start_after or start_after.startswith(key):
                yield from _walk(path / name, key, start_after)
        elif key > start_after and not name.startswith(_TEMPORARY):
            yield key


def _has_no_links(folder: Path) -> bool:
    """Return whether a file in this folder can have only one name, as on FAT."""
    try:
        return os.pathconf(folder, "PC_LINK_MAX") < 2
    except OSError:
        return False


@contextmanager
def explained(verb: str, path: Path) -> Iterator[None]:
    """Turn an error of the system into a LedgerError with a remedy."""
    try:
        yield
    except OSError as problem:
        code = problem.errno or 0
        remedy = _REMEDIES.get(code, "Fix this and start again: everything that was acknowledged is kept.")
        if code == errno.EPERM and _has_no_links(path.parent):
            remedy = _NO_LINKS
        raise LedgerError(f"ledger: cannot {verb} `{path}`: {os.strerror(code)}. {remedy}") from problem
