"""The ledger as numbered Parquet files: that file n exists is what commits append n."""

import asyncio
import re
from collections.abc import Sequence

from campaign.errors import LedgerError, LedgerMoved
from campaign.events import Event
from storage.ledger import Segment
from storage.segment_file import RESTORE, damaged, decode, encode
from storage.store import ObjectExists, ObjectMissing, ObjectStore

_A_FOLDER = 1000
_NAME = re.compile(r"(\d{20})\.parquet")


class ParquetLedger:
    """A Ledger in an object store, under a prefix that ends in `/`.

    An append that is cancelled while it writes may still be committed; read before you append again.
    """

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._folder = f"{prefix}events/"

    async def append(self, events: Sequence[Event], *, after: int) -> int:
        """Write the events as file `after + 1` and return that number."""
        return await asyncio.to_thread(self._append, tuple(events), after)

    async def read(self, *, after: int = 0) -> tuple[Segment, ...]:
        """Return the segments with numbers above `after`; older files are neither listed nor read."""
        return await asyncio.to_thread(self._read, after)

    def _append(self, events: tuple[Event, ...], after: int) -> int:
        number = after + 1
        data = encode(number, events)
        if after == 0:
            self._store.prove(self._prefix)
        else:
            self._check_that_it_exists(after)
        try:
            self._store.create(self._key(number), data)
        except ObjectExists:
            file = self._file(self._key(number))
            raise LedgerMoved(f"ledger file `{file}` exists already; read what is new and decide again") from None
        return number

    def _check_that_it_exists(self, number: int) -> None:
        try:
            self._store.get(self._key(number))
        except ObjectMissing:
            file = self._file(self._key(number))
            raise LedgerError(
                f"ledger file `{file}`: expected it to be there to append after it, found no such file. "
                "Was the ledger moved or deleted? Bring it back and start again."
            ) from None

    def _read(self, after: int) -> tuple[Segment, ...]:
        keys = self._store.keys(self._folder, start_after=self._key(after) if after else "")
        newest = max((self._number(key) for key in keys), default=after)
        # Listing while others append may show a later file without an earlier one, so each is asked for by name.
        return tuple(self._segment(number, newest) for number in range(after + 1, newest + 1))

    def _segment(self, number: int, newest: int) -> Segment:
        key = self._key(number)
        try:
            return decode(self._store.get(key), number, self._file(key))
        except ObjectMissing:
            found = f"none, though there are segments up to {newest}"
            raise damaged(self._file(key), f"segment {number}", found, RESTORE) from None

    def _number(self, key: str) -> int:
        name = _NAME.fullmatch(key.rpartition("/")[2])
        number = 0 if name is None else int(name[1])
        if number < 1 or self._key(number) != key:
            raise damaged(
                self._file(key),
                "only segments in the ledger's folders",
                "a file that is none by its place and name",
                "Move it out of the ledger.",
            )
        return number

    def _key(self, number: int) -> str:
        return f"{self._folder}{number // _A_FOLDER:05d}/{number:020d}.parquet"

    def _file(self, key: str) -> str:
        return f"{self._store.location}/{key}"
