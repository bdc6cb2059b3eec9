"""A chain of operations as one process sees it: all operations so far, and the place of the next append."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise

from overnight.campaign.errors import LedgerDamaged, LedgerError
from overnight.storage.operations.bundles import SIZE, Bundles
from overnight.storage.operations.operation_file import BEGINNING, Operation, OperationFile, decode, encode, follows
from overnight.storage.segments.segment_file import RESTORE, damaged
from overnight.storage.stores.store import Object, ObjectChanged, ObjectExists, ObjectMissing, ObjectStore

FOLDER = "operations/"
_A_FOLDER = 1000
_READERS = 16
_AHEAD = 256
# Segments that are requested one after the other before the newest one is looked up in a listing.
_GUESSES = 3
# After so many seconds the listing is read even if the next segment does not exist.
LOOK_AGAIN = 60.0


class OperationLog:
    """The files under `prefix` + `operations/`; file n exists if and only if append n was committed.

    Acknowledged means durable, as in a Ledger. An append that was interrupted may still be committed. Only one thread
    at a time may use it; several processes may use the same files.
    """

    def __init__(self, store: ObjectStore, prefix: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._prefix = store, prefix
        self._folder = f"{prefix}{FOLDER}"
        self._bundles = Bundles(store, prefix, self.files)
        self._newest = BEGINNING
        self._clock = clock
        self._listed = -math.inf
        self._lines: list[str] = []

    @property
    def newest(self) -> OperationFile:
        """Return the newest segment that has been read or written."""
        return self._newest

    def read(self) -> Sequence[str]:
        """Return all operations so far as lines of JSON, in the order of the appends.

        Segments that a bundle holds are not read from their own files; `verify_operations` does that. Raises
        LedgerDamaged with the name of the first file that is missing, torn, foreign or altered, and LedgerTooNew for a
        file of a newer version.
        """
        for file in self._new():
            self._take(file)
        return self._lines

    def append(self, operations: Sequence[Operation]) -> None:
        """Append the operations after all operations that other writers have appended.

        Raises LedgerDamaged, and writes nothing, if the newest segment is no longer as it was read.
        """
        if not self._looked_lately():
            self.read()
        if self._newest.number == 0:
            self._store.prove(self._prefix)
        while True:
            file = encode(operations, self._newest)
            try:
                self._create(file)
            except ObjectExists:
                self._catch_up(file.number)
                continue
            self._take(file)
            if file.number % SIZE == 0:
                # The append is committed. A bundle that cannot be made now is made with the next one.
                with suppress(LedgerError):
                    self._bundles.fill(file.number)
            return

    def stored(self, number: int) -> OperationFile:
        """Return a segment from its own file; raises LedgerDamaged or LedgerTooNew with its name."""
        try:
            return decode(self._store.get(self._key(number)), number, self.name(number))
        except ObjectMissing:
            raise damaged(self.name(number), f"segment {number}", "no such file", RESTORE) from None

    def last(self, after: int = 0) -> int:
        """Return the highest number in the listing, or `after` if it is the highest."""
        keys = self._store.keys(self._folder, start_after=self._key(after) if after else "")
        return max((self._number(key) for key in keys), default=after)

    def files(self, after: int, to: int) -> Iterator[OperationFile]:
        """Yield the segments above `after`, each from its own file; several are requested ahead."""
        pool = ThreadPoolExecutor(_READERS)
        try:
            for begin in range(after + 1, to + 1, _AHEAD):
                yield from pool.map(self.stored, range(begin, min(begin + _AHEAD, to + 1)))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def name(self, number: int) -> str:
        """Return the path or address of a segment's file."""
        return f"{self._store.location}/{self._key(number)}"

    @property
    def bundles(self) -> Bundles:
        """Return the copies of many segments in one file each."""
        return self._bundles

    def check(self, file: OperationFile, before: OperationFile) -> None:
        """Raise LedgerDamaged unless a segment was appended after the one before it."""
        if follows(file, before):
            return
        if before.number == 0:
            raise damaged(self.name(1), "a first segment", "one that follows another", RESTORE)
        expected = f"the bytes that `{self.name(file.number)}` was appended to"
        raise damaged(self.name(before.number), expected, "other bytes", f"One of the two was altered. {RESTORE}")

    def _new(self) -> Iterator[OperationFile]:
        """Yield the segments that have not been read: first the next few by name, then the rest of the listing."""
        known = self._newest.number
        # Soon after the last look there are few, and a request for one object is faster than a listing. But only a
        # listing shows that a segment is missing before newer ones.
        for number in range(known + 1, known + 1 + _GUESSES) if self._looked_lately() else ():
            try:
                yield decode(self._store.get(self._key(number)), number, self.name(number))
            except ObjectMissing:
                return
        for bundle in self._bundles.after(self._newest.number) if not known else ():
            if not self._fits(bundle):
                break
            yield from bundle
        known = self._newest.number
        now = self._clock()
        last = self.last(known)
        self._listed = now
        yield from self.files(known, last)

    def _looked_lately(self) -> bool:
        """Return whether the listing was read a short time ago, and had a segment."""
        return self._newest.number > 0 and self._clock() - self._listed < LOOK_AGAIN

    def _fits(self, bundle: Sequence[OperationFile]) -> bool:
        """Return whether the files of a bundle follow the newest segment; its last one is compared with its own file.

        A bundle is only a copy: if it does not fit, the segments themselves are read.
        """
        try:
            pairs = pairwise((self._newest, *bundle))
            return all(follows(file, before) for before, file in pairs) and self.stored(bundle[-1].number) == bundle[-1]
        except LedgerDamaged:
            return False

    def _take(self, file: OperationFile) -> None:
        self.check(file, self._newest)
        self._newest = file
        self._lines += file.lines

    def _create(self, file: OperationFile) -> None:
        last = self._newest
        after = Object(self._key(last.number), last.data) if last.number else None
        try:
            self._store.create(self._key(file.number), file.data, after=after)
        except ObjectMissing:
            raise LedgerError(
                f"ledger file `{self.name(last.number)}`: expected the segment to append after, found no such file. "
                "Was it moved or deleted? Bring it back and start again."
            ) from None
        except ObjectChanged:
            raise damaged(self.name(last.number), "the same bytes as before", "other bytes", RESTORE) from None

    def _catch_up(self, number: int) -> None:
        """Read the segments of other writers; raises LedgerError if the one that exists cannot be found."""
        self.read()
        if self._newest.number < number:
            raise LedgerError(
                f"ledger file `{self.name(number)}`: expected to read the segment of another writer, found none. The "
                "store does not return all objects that it keeps. Nothing was written; use another store."
            )

    def _number(self, key: str) -> int:
        number = key.rpartition("/")[2].removesuffix(".jsonl")
        if not number.isdecimal() or self._key(int(number)) != key:
            found = "a file without the place and name of a segment"
            name = f"{self._store.location}/{key}"
            raise damaged(name, "only segments in the folders of operations", found, "Move it out of there.")
        return int(number)

    def _key(self, number: int) -> str:
        return f"{self._folder}{number // _A_FOLDER:05d}/{number:020d}.jsonl"
