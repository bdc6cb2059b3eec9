"""Prove that a ledger is complete and unaltered: each file by the next one, the newest by receipts kept elsewhere."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice

from pydantic import BaseModel, ConfigDict

from overnight.campaign import History
from overnight.campaign.errors import LedgerDamaged, LedgerTooNew
from overnight.campaign.history.events import Event
from overnight.campaign.values import garbage
from overnight.storage.copies import blocks
from overnight.storage.parquet_ledger import ParquetLedger
from overnight.storage.proofs.receipts import Receipt
from overnight.storage.segments.chain import Link
from overnight.storage.segments.contents import Contents, contents_after
from overnight.storage.segments.segment_file import RESTORE, checked_events, damaged


class Verification(BaseModel):
    """A verified ledger: the number and hash of its newest segment, and the number of events up to it.

    Only receipts prove that the end was not cut off and that the ledger was not rewritten. `anchored` is the newest
    segment with a receipt, 0 without receipts, and `anchored_events` is the number of events up to it. Later events are
    not covered by a receipt; the first of them was at `loose_since`. Segments of version 1, up to `unlinked`, do not
    record the hash of the segment before.
    """

    model_config = ConfigDict(frozen=True)

    segment: int = 0
    hash: str = ""
    events: int = 0
    unlinked: int = 0
    anchored: int = 0
    anchored_events: int = 0
    loose_since: datetime | None = None


def verify(ledger: ParquetLedger, receipts: Sequence[Receipt] = ()) -> Verification:
    """Verify every file of the ledger, and return its state.

    Raises LedgerDamaged with the name of the first file that is missing, torn, foreign, altered or out of order, whose
    columns contradict its events, or that contradicts a receipt. A block or a snapshot that contradicts its segments is
    damage, too. Raises LedgerTooNew if a newer version wrote a file, and LedgerError if a file cannot be read.
    """
    expected = defaultdict[int, list[Receipt]](list)
    for receipt in receipts:
        expected[receipt.segment].append(receipt)
    anchored = max(expected, default=0)
    found = Verification(anchored=anchored, anchored_events=expected[anchored][0].events if anchored else 0)
    # Copies are listed before the segments, because another process may append and make more copies.
    copies = _Copies(ledger)
    links = ledger.chain.links(0)
    newer: LedgerTooNew | None = None
    before: Contents | None = None
    while run := list(islice(links, blocks.SIZE)):
        events: Sequence[Event] = ()
        try:
            with garbage.left_alone():
                events = checked_events([link.file for link in run])
        except LedgerTooNew as problem:
            newer = newer or problem
        for link in run:
            found = _grown(found, link)
            for receipt in expected[found.segment]:
                compare(receipt, found.hash, found.events, link.file.name)
            if newer is None:
                before = _checked_contents(before, link)
        try:
            if newer is None:
                copies.compare(run, events)
        except LedgerTooNew as problem:
            newer = problem
    copies.check_ends(found.segment)
    check_end(expected[anchored][0] if anchored else None, found.segment, ledger.chain.name)
    # Hashes and receipts show alterations even in files that this version cannot read, so this error comes last.
    if newer is not None:
        raise newer
    return found


class _Copies:
    """The blocks and snapshots of a ledger, which are compared with its segments in their order."""

    def __init__(self, ledger: ParquetLedger) -> None:
        self._ledger = ledger
        self._blocks = ledger.blocks.lasts()
        self._snapshots = ledger.snapshots.numbers()
        self._past, self._events = History(), 0

    def compare(self, run: Sequence[Link], events: Sequence[Event]) -> None:
        """Raise LedgerDamaged if a block or a snapshot contradicts these segments and the earlier ones."""
        self._ledger.blocks.compare(run)
        if not any(run[0].file.number <= number for number in self._snapshots):
            return
        left = iter(events)
        new: list[Event] = []
        for link in run:
            new += islice(left, link.file.count)
            if link.file.number in self._snapshots:
                new = self._fold(new)
                self._check(link)
        self._fold(new)

    def check_ends(self, last: int) -> None:
        """Raise LedgerDamaged if a block or a snapshot covers segments that do not exist."""
        for kept, numbers in ((self._ledger.blocks, self._blocks), (self._ledger.snapshots, self._snapshots)):
            for number in numbers:
                if number > last:
                    lost = self._ledger.chain.name(last + 1)
                    raise damaged(lost, f"it, because `{kept.name(number)}` covers it", "no such file", RESTORE)

    def _fold(self, events: list[Event]) -> list[Event]:
        self._past, self._events = self._past.extended(events), self._events + len(events)
        return []

    def _check(self, link: Link) -> None:
        snapshot = self._ledger.snapshots.read(link.file.number)
        if snapshot is not None:
            snapshot.check(self._past, self._events, link.hash)


def _checked_contents(before: Contents | None, link: Link) -> Contents | None:
    """Return the hash of all events that the file records; raises LedgerDamaged if it is not the hash of the events."""
    found, number = link.file.contents, link.file.number
    if found is None:
        return None
    # A version that does not record this hash may have written in between.
    known = None if found.since == number else before
    if found != contents_after(known, number, link.file.stored["body"].to_pylist()):
        raise damaged(link.file.name, "the hash of all events up to it", "another hash", RESTORE)
    return found


def _grown(found: Verification, link: Link) -> Verification:
    file, since = link.file, found.loose_since
    if file.number > found.anchored and since is None:
        since = min(file.stored["time"].to_pylist(), default=None)
    changes = {"segment": file.number, "hash": link.hash, "events": found.events + file.count, "loose_since": since}
    if file.previous is None:
        changes["unlinked"] = file.number
    return found.model_copy(update=changes)


def check_end(newest: Receipt | None, last: int, name: Callable[[int], str]) -> None:
    """Raise LedgerDamaged if the newest receipt names a segment after the last one; `name` returns a segment's file."""
    if newest is not None and newest.segment > last:
        raise LedgerDamaged(
            f"ledger file `{name(newest.segment)}`: a receipt of {newest.time:%Y-%m-%d %H:%M} names it, but the ledger "
            f"ends with segment {last}. Its end was cut off: restore the files from a copy."
        )


def compare(receipt: Receipt, hash_found: str, events: int, file: str) -> None:
    """Raise LedgerDamaged if the segment that a receipt names has another hash or another number of events."""
    if (receipt.hash, receipt.events) != (hash_found, events):
        raise LedgerDamaged(
            f"ledger file `{file}`: expected the hash {receipt.hash} of the receipt of {receipt.time:%Y-%m-%d %H:%M}, "
            f"which was made for `{receipt.ledger}`, found {hash_found}. Unless that is another ledger, this one was "
            "rewritten: compare it with a copy."
        )


def receipt_of(found: Verification, location: str, now: datetime) -> Receipt:
    """Return the receipt to keep elsewhere, which identifies the ledger up to this segment."""
    return Receipt(ledger=location, segment=found.segment, events=found.events, hash=found.hash, time=now)
