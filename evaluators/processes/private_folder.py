"""Folders and files that only their owner can open."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def private_folder(folder: Path) -> None:
    """Create a folder and its missing parents for their owner alone; close an existing folder to others.

    Raises PermissionError if a link of another user is in its place, because it may lead anywhere.
    """
    if folder.is_symlink() and folder.lstat().st_uid not in (os.geteuid(), 0):
        raise PermissionError(errno.EPERM, "a link that belongs to another user is in place of the folder", str(folder))
    if not folder.parent.exists():
        private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    close_to_others(folder)


def close_to_others(folder: Path) -> None:
    """Remove all permissions of the group and of others from a folder, if this user and the file system allow it."""
    found = folder.stat()
    if found.st_mode & _OF_OTHERS and found.st_uid == os.geteuid():
        with suppress(PermissionError):
            folder.chmod(stat.S_IMODE(found.st_mode) & ~_OF_OTHERS)


def is_open_to_others(folder: Path) -> bool:
    """Return whether the group or others have any permission in a folder."""
    return bool(folder.stat().st_mode & _OF_OTHERS)


def open_private(path: Path) -> BinaryIO:
    """Open a file for appending that only this user can read; a link in its place is not followed."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "ab")
