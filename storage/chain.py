"""A ledger's segments as files, each of which names the bytes of the one before it."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from campaign.errors import LedgerDamaged, LedgerError
from storage.segment_file import GENESIS, RESTORE, SegmentFile, damaged, decode, digest
from storage.store import ObjectMissing, ObjectStore

_A_FOLDER = 1000
# Objects that are asked for at once: a bucket answers many questions as fast as one.
_READERS = 16
_AHEAD = 256
_NAME = re.compile(r"(\d{20})\.parquet")


@dataclass(frozen=True)
class Link:
    """One file of the chain and the hash of its bytes."""

    file: SegmentFile
    hash: str


class Chain:
    """The files under `prefix` + `events/`; file n exists if and only if somebody has committed segment n."""

    def __init__(self, store: ObjectStore, prefix: str, readers: int = _READERS) -> None:
        self._store = store
        self._readers = readers
        self._prefix = prefix
        self._folder = f"{prefix}events/"
        self._seen = (0, GENESIS)

    @property
    def folder(self) -> str:
        """Return the folder of the ledger, in which `events/` is, as people would look for it."""
        return f"{self._store.location}/{self._prefix}".rstrip("/")

    def prove(self) -> None:
        """Raise LedgerError unless the store keeps what was created first."""
        self._store.prove(self._prefix)

    def create(self, number: int, data: bytes) -> None:
        """Commit the bytes as segment `number`; raises ObjectExists if there is one."""
        self._store.create(self._key(number), data)
        self._seen = (number, digest(data))

    def name(self, number: int) -> str:
        """Return where the segment's file is, as people would look for it."""
        return f"{self._store.location}/{self._key(number)}"

    def hash(self, number: int) -> str:
        """Return the hash that the segment after this one has to name.

        Raises LedgerError if there is no such file, LedgerDamaged if it is torn, foreign or no longer what it was.
        """
        if number == 0:
            return GENESIS
        try:
            data = self._store.get(self._key(number))
        except ObjectMissing:
            raise LedgerError(
                f"ledger file `{self.name(number)}`: expected it to be there to go on after it, found no such file. "
                "Was the ledger moved or deleted? Bring it back and start again."
            ) from None
        found = digest(data)
        if self._seen[0] == number and self._seen[1] != found:
            raise damaged(self.name(number), "the bytes that were there before", "others", RESTORE)
        if self._seen[0] != number:
            # What is appended makes these bytes the ledger's for ever: no torn file may be named.
            decode(data, number, self.name(number))
            self._seen = (number, found)
        return found

    def remembered(self, number: int) -> str:
        """Return the hash of a segment's file as it was when it was read or written last, else as it is now.

        Raises LedgerDamaged where it is missing.
        """
        known, found = self._seen
        return found if known == number else digest(self._get(number, number))

    def newest(self, after: int) -> int:
        """Return the highest number, `after` if none is higher; raises LedgerDamaged for files that are no segments.

        Older files are not listed.
        """
        keys = self._store.keys(self._folder, start_after=self._key(after) if after else "")
        return max((self._number(key) for key in keys), default=after)

    def links(self, after: int, *, previous: str | None = None, to: int | None = None) -> Iterator[Link]:
        """Return the files above `after`, up to `to` or the newest, each checked against the one before it.

        `previous` is the hash of `after`, where it is known. Raises LedgerDamaged naming the first that is missing,
        torn, foreign or altered, LedgerTooNew for one of a newer version.
        """
        newest = self.newest(after) if to is None else to
        if newest == after:
            return
        previous = previous or self.hash(after)
        # Listing while others append may show a later file without an earlier one, so each is asked for by name.
        for number, data in self._contents(after + 1, newest):
            file = decode(data, number, self.name(number))
            if file.previous not in (None, previous):
                raise self._broken(number)
            previous = digest(data)
            self._seen = (number, previous)
            yield Link(file, previous)

    def _contents(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Return each file's number and bytes; several readers ask for some of them ahead."""
        if self._readers == 1:
            yield from ((number, self._get(number, last)) for number in range(first, last + 1))
            return
        pool = ThreadPoolExecutor(self._readers)
        try:
            for begin in range(first, last + 1, _AHEAD):
                numbers = range(begin, min(begin + _AHEAD, last + 1))
                yield from zip(numbers, pool.map(lambda number: self._get(number, last), numbers), strict=True)
        finally:
            # Who goes no further waits for nothing that was asked for ahead.
            pool.shutdown(wait=False, cancel_futures=True)

    def _broken(self, number: int) -> LedgerDamaged:
        if number == 1:
            return damaged(self.name(1), "a first segment that follows none", "one that names another", RESTORE)
        expected = f"the bytes that `{self.name(number)}` was appended to"
        return damaged(self.name(number - 1), expected, "others", f"One of the two was altered. {RESTORE}")

    def _get(self, number: int, newest: int) -> bytes:
        try:
            return self._store.get(self._key(number))
        except ObjectMissing:
            found = f"none, though there are segments up to {newest}"
            raise damaged(self.name(number), f"segment {number}", found, RESTORE) from None

    def _number(self, key: str) -> int:
        name = _NAME.fullmatch(key.rpartition("/")[2])
        number = 0 if name is None else int(name[1])
        if number < 1 or self._key(number) != key:
            raise damaged(
                f"{self._store.location}/{key}",
                "only segments in the ledger's folders",
                "a file that is none by its place and name",
                "Move it out of the ledger.",
            )
        return number

    def _key(self, number: int) -> str:
        return f"{self._folder}{number // _A_FOLDER:05d}/{number:020d}.parquet"
