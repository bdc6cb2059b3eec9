"""The empty database for a private Prefect server, created once per version of Prefect and copied.

Prefect creates one by running all of its migrations, which takes 3 s of computing; a copy takes milliseconds.
"""

import asyncio
import hashlib
import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from prefect import __version__
from prefect.server.database import provide_database_interface

from overnight.evaluators.processes.private_folder import private_folder

DATABASE = "prefect.db"


async def _by_prefect() -> None:
    await provide_database_interface().create_db()


def lay_out(anew: Callable[[], Coroutine[Any, Any, None]] = _by_prefect) -> None:
    """Put an empty database into the working folder, unless it has one; `anew` creates it if no copy is kept."""
    here = Path(DATABASE)
    if here.exists():
        return
    # Without a folder for the copy, each server creates its own.
    with suppress(OSError, RuntimeError):
        if (kept := _kept(_cache())) is not None:
            here.write_bytes(kept)
            return
    asyncio.run(anew())
    with suppress(OSError, RuntimeError, sqlite3.Error):
        _keep(here, _cache())


def _cache() -> Path:
    """Return the folder of the kept copies; raises PermissionError if it belongs to another user."""
    named = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(named) if named else Path.home() / ".cache") / "overnight"
    private_folder(folder)
    if folder.stat().st_uid != os.geteuid():
        raise PermissionError(f"{folder} is another user's")
    return folder


def _kept(folder: Path) -> bytes | None:
    """Return the kept database; a file whose content does not match the hash in its name is removed."""
    for path in folder.glob(_name("*")):
        content = _own_file(path)
        if content is not None and path.name == _name(_hash(content)):
            return content
        path.unlink()
    return None


def _own_file(path: Path) -> bytes | None:
    """Return the content of a plain file of this user; None for a link, a pipe or a file of another user."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        return None
    return path.read_bytes()


def _keep(here: Path, folder: Path) -> None:
    """Store a copy under its hash; no other process sees it before it is complete."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        copy = Path(temporary) / DATABASE
        with closing(sqlite3.connect(here)) as database:
            database.execute("vacuum into ?", [str(copy)])
        copy.replace(folder / _name(_hash(copy.read_bytes())))


def _name(of: str) -> str:
    return f"prefect-{__version__}-{of}.db"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
