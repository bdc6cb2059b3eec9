"""The segments of a ledger as a chain of files; each contains the hash of the file before it."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa

from overnight.campaign.errors import LedgerDamaged, LedgerError
from overnight.storage.ledger import Segment
from overnight.storage.segments.contents import Contents
from overnight.storage.segments.segment_file import GENESIS, RESTORE, Encoded, SegmentFile, damaged, decode, digest
from overnight.storage.stores.store import Object, ObjectChanged, ObjectMissing, ObjectStore

_A_FOLDER = 1000
# Objects requested at once: a bucket answers many requests as fast as one.
_READERS = 16
_AHEAD = 256
_NAME = re.compile(r"(\d{20})\.parquet")


@dataclass(frozen=True)
class Link:
    """One file of the chain and the hash of its bytes."""

    file: SegmentFile
    hash: str

    @property
    def tip(self) -> "Tip":
        """Return the values that the next segment has to record."""
        return Tip(self.file.number, self.hash, self.file.contents)

    @property
    def rows(self) -> pa.Table:
        """Return the rows of its events; raises LedgerDamaged or LedgerTooNew naming the file."""
        return self.file.rows

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Return its one segment; raises LedgerDamaged or LedgerTooNew naming the file."""
        return (Segment(self.file.number, self.file.events),)


@dataclass(frozen=True)
class Tip:
    """The values that the segment after this one has to record: the hash of this file, and the contents up to it."""

    number: int
    hash: str
    contents: Contents | None


@dataclass(frozen=True)
class Known:
    """A segment's tip and the bytes of its file, as they were read or written."""

    tip: Tip
    data: bytes


_BEGINNING = Known(Tip(0, GENESIS, None), b"")


class Chain:
    """The files under `prefix` + `events/`; file n exists if and only if segment n was committed."""

    def __init__(self, store: ObjectStore, prefix: str, readers: int = _READERS) -> None:
        self._store = store
        self._readers = readers
        self._prefix = prefix
        self._folder = f"{prefix}events/"
        self._known = _BEGINNING

    @property
    def folder(self) -> str:
        """Return the path or address of the ledger's folder, which contains `events/`."""
        return f"{self._store.location}/{self._prefix}".rstrip("/")

    def prove(self) -> None:
        """Raise LedgerError if the store would overwrite an object that is created again."""
        self._store.prove(self._prefix)

    def known(self, number: int) -> Known:
        """Return the segment as it was read or written last; it is read now, as by `tip`, if another one was."""
        known = _BEGINNING if number == 0 else self._known
        return known if known.tip.number == number else self._read(number)

    def append(self, file: Encoded, before: Known) -> None:
        """Commit the file as the segment after `before`; raises ObjectExists if that segment exists.

        Nothing is written if `before` is no longer there as it was known: raises as `tip` does.
        """
        last = before.tip.number
        after = Object(self._key(last), before.data) if last else None
        try:
            self._store.create(self._key(last + 1), file.data, after=after)
        except ObjectMissing:
            raise self._gone(last) from None
        except ObjectChanged:
            raise self._exchanged(last) from None
        self._known = Known(Tip(last + 1, digest(file.data), file.contents), file.data)

    def name(self, number: int) -> str:
        """Return the path or address of the segment's file."""
        return f"{self._store.location}/{self._key(number)}"

    def tip(self, number: int) -> Tip:
        """Return the values that the segment after this one has to record, from its file as it is now.

        Raises LedgerError if there is no such file, LedgerDamaged if it is torn, foreign or has changed.
        """
        return self._read(number).tip if number else _BEGINNING.tip

    def tip_below(self, number: int, newest: int) -> Tip:
        """Return the tip of a segment below the newest; raises LedgerDamaged if it is missing, torn or foreign."""
        if number == 0:
            return _BEGINNING.tip
        data = self._get(number, newest)
        return Tip(number, digest(data), decode(data, number, self.name(number)).contents)

    def remembered(self, number: int) -> str:
        """Return the hash of a segment's file: remembered if it was the last one read or written, else read now.

        Raises LedgerDamaged if the file is missing.
        """
        tip = self._known.tip
        return tip.hash if tip.number == number else digest(self._get(number, number))

    def there(self, number: int) -> str | None:
        """Return the current hash of a segment's file without decoding it; None if there is no such file."""
        try:
            return digest(self._store.get(self._key(number)))
        except ObjectMissing:
            return None

    def newest(self, after: int) -> int:
        """Return the highest number, or `after` if it is the highest; raises LedgerDamaged for files of other kinds.

        Older files are not listed.
        """
        keys = self._store.keys(self._folder, start_after=self._key(after) if after else "")
        return max((self._number(key) for key in keys), default=after)

    def links(self, after: int, *, previous: str | None = None, to: int | None = None) -> Iterator[Link]:
        """Return the files above `after`, up to `to` or the newest, each checked against the one before it.

        `previous` is the hash of `after`, if it is known. Raises LedgerDamaged with the name of the first file that is
        missing, torn, foreign or altered, and LedgerTooNew for a file of a newer version.
        """
        newest = self.newest(after) if to is None else to
        if newest == after:
            return
        previous = previous or self.tip(after).hash
        # A listing during other appends may show a later file without an earlier one, so each is read by its name.
        for number, data in self._contents(after + 1, newest):
            file = decode(data, number, self.name(number))
            if file.previous not in (None, previous):
                raise self._broken(number)
            previous = digest(data)
            link = Link(file, previous)
            self._known = Known(link.tip, data)
            yield link

    def _read(self, number: int) -> Known:
        try:
            data = self._store.get(self._key(number))
        except ObjectMissing:
            raise self._gone(number) from None
        known = self._known
        if known.tip.number == number and known.data != data:
            raise self._exchanged(number)
        if known.tip.number != number:
            # The next segment will record this hash forever, so a torn file is refused here.
            tip = Tip(number, digest(data), decode(data, number, self.name(number)).contents)
            known = self._known = Known(tip, data)
        return known

    def _contents(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Return each file's number and bytes; several readers request some of them ahead."""
        if self._readers == 1:
            yield from ((number, self._get(number, last)) for number in range(first, last + 1))
            return
        pool = ThreadPoolExecutor(self._readers)
        try:
            for begin in range(first, last + 1, _AHEAD):
                numbers = range(begin, min(begin + _AHEAD, last + 1))
                yield from zip(numbers, pool.map(lambda number: self._get(number, last), numbers), strict=True)
        finally:
            # A caller that stops early does not wait for files requested ahead.
            pool.shutdown(wait=False, cancel_futures=True)

    def _gone(self, number: int) -> LedgerError:
        return LedgerError(
            f"ledger file `{self.name(number)}`: expected the segment to append after, found no such file. "
            "Was the ledger moved or deleted? Bring it back and start again."
        )

    def _exchanged(self, number: int) -> LedgerDamaged:
        return damaged(self.name(number), "the same bytes as before", "other bytes", RESTORE)

    def _broken(self, number: int) -> LedgerDamaged:
        if number == 1:
            return damaged(self.name(1), "a first segment", "one that follows another", RESTORE)
        expected = f"the bytes that `{self.name(number)}` was appended to"
        return damaged(self.name(number - 1), expected, "other bytes", f"One of the two was altered. {RESTORE}")

    def _get(self, number: int, newest: int) -> bytes:
        try:
            return self._store.get(self._key(number))
        except ObjectMissing:
            found = f"no such file, although there are segments up to {newest}"
            raise damaged(self.name(number), f"segment {number}", found, RESTORE) from None

    def _number(self, key: str) -> int:
        name = _NAME.fullmatch(key.rpartition("/")[2])
        number = 0 if name is None else int(name[1])
        if number < 1 or self._key(number) != key:
            raise damaged(
                f"{self._store.location}/{key}",
                "only segments in the ledger's folders",
                "a file without the place and name of a segment",
                "Move it out of the ledger.",
            )
        return number

    def _key(self, number: int) -> str:
        return f"{self._folder}{number // _A_FOLDER:05d}/{number:020d}.parquet"
