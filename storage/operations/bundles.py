"""Copies of many segments in one compressed file each, so that a process which opens a long chain reads few files."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

from overnight.campaign.errors import LedgerDamaged
from overnight.storage.operations.operation_file import OperationFile, split
from overnight.storage.stores.store import ObjectExists, ObjectMissing, ObjectStore

# Segments in one bundle.
SIZE = 500
_FOLDER = "operation_bundles/"


class Bundles:
    """The files under `prefix` + `operation_bundles/`, each with the bytes of the `SIZE` segments up to its number.

    `files` yields the segments above a number and up to another from their own files. Nothing is lost with a bundle.
    """

    def __init__(self, store: ObjectStore, prefix: str, files: Callable[[int, int], Iterator[OperationFile]]) -> None:
        self._store, self._folder, self._files = store, f"{prefix}{_FOLDER}", files

    def numbers(self) -> list[int]:
        """Return the number of the last segment in each bundle, in order."""
        keys = self._store.keys(self._folder)
        numbered = ((key, key.rpartition("/")[2].removesuffix(".jsonl.gz")) for key in keys)
        return sorted(int(name) for key, name in numbered if name.isdecimal() and key == self._key(int(name)))

    def after(self, number: int) -> Iterator[list[OperationFile]]:
        """Yield the segments of each bundle after `number`, up to the first bundle that is missing or unreadable."""
        for last in self.numbers():
            if last <= number:
                continue
            if last != number + SIZE or (files := self.read(last)) is None:
                return
            yield files
            number = last

    def read(self, last: int) -> list[OperationFile] | None:
        """Return the segments of a bundle; None if it is missing or cannot be read."""
        try:
            data = gzip.decompress(self._store.get(self._key(last)))
            files = [*split(data, last - SIZE + 1, self.name(last))]
        except (ObjectMissing, LedgerDamaged, OSError, EOFError, zlib.error):
            return None
        return files if len(files) == SIZE else None

    def fill(self, newest: int) -> None:
        """Make every bundle that is missing up to the newest segment: its writer may have been killed."""
        there = set(self.numbers())
        for last in range(SIZE, newest + 1, SIZE):
            if last not in there:
                data = b"".join(file.data for file in self._files(last - SIZE, last))
                with suppress(ObjectExists):
                    self._store.create(self._key(last), gzip.compress(data, 6, mtime=0))

    def name(self, last: int) -> str:
        """Return the path or address of a bundle."""
        return f"{self._store.location}/{self._key(last)}"

    def _key(self, last: int) -> str:
        return f"{self._folder}{last:020d}.jsonl.gz"
