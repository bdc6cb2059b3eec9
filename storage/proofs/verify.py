"""Prove that a ledger is whole: each file by the next one, the newest by receipts kept elsewhere."""

from collections import defaultdict
from collections.abc import Sequence
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
    """What was found whole: the number and hash of the newest segment and how many events lead to it.

    Only a receipt can tell that no tail was cut and nothing was written anew, so `anchored` is the newest segment that
    a receipt names, 0 without one, and `anchored_events` lead to it; the rest is loose since its first event. Up to
    `unlinked`, segments of version 1 do not name what they follow.
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
    """Return what the whole ledger amounts to.

    Raises LedgerDamaged naming the first file that is missing, torn, foreign, altered or out of order, whose columns
    say other things than its events, or that is not the one of a receipt, and any block or snapshot that says other
    things than its segments; LedgerTooNew where a newer version wrote it; LedgerError where it cannot be read.
    """
    expected = defaultdict[int, list[Receipt]](list)
    for receipt in receipts:
        expected[receipt.segment].append(receipt)
    anchored = max(expected, default=0)
    found = Verification(anchored=anchored, anchored_events=expected[anchored][0].events if anchored else 0)
    # What is kept beside the segments is listed first: while somebody appends, more may come.
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
                _compare(receipt, found.hash, found.events, link.file.name)
            if newer is None:
                before = _checked_contents(before, link)
        try:
            if newer is None:
                copies.compare(run, events)
        except LedgerTooNew as problem:
            newer = problem
    copies.check_that_none_is_beyond(found.segment)
    if found.anchored > found.segment:
        raise LedgerDamaged(
            f"ledger file `{ledger.chain.name(found.anchored)}`: expected it, because a receipt of "
            f"{expected[found.anchored][0].time:%Y-%m-%d %H:%M} names it, found that the ledger ends with segment "
            f"{found.segment}. Its end was cut: restore the files from a copy."
        )
    # What cannot be understood may still be found altered, by its hashes and receipts.
    if newer is not None:
        raise newer
    return found


class _Copies:
    """The blocks and snapshots of a ledger, which its segments are told one after the other."""

    def __init__(self, ledger: ParquetLedger) -> None:
        self._ledger = ledger
        self._blocks = ledger.blocks.lasts()
        self._snapshots = ledger.snapshots.numbers()
        self._past, self._events = History(), 0

    def compare(self, run: Sequence[Link], events: Sequence[Event]) -> None:
        """Raise LedgerDamaged if a block or a snapshot says other things than these segments and those before."""
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

    def check_that_none_is_beyond(self, last: int) -> None:
        """Raise LedgerDamaged if there was a block or a snapshot of segments that are not there."""
        for kept, numbers in ((self._ledger.blocks, self._blocks), (self._ledger.snapshots, self._snapshots)):
            for number in numbers:
                if number > last:
                    lost = self._ledger.chain.name(last + 1)
                    raise damaged(lost, f"it, because `{kept.name(number)}` tells of it", "no such file", RESTORE)

    def _fold(self, events: list[Event]) -> list[Event]:
        self._past, self._events = self._past.extended(events), self._events + len(events)
        return []

    def _check(self, link: Link) -> None:
        snapshot = self._ledger.snapshots.read(link.file.number)
        if snapshot is not None:
            snapshot.check(self._past, self._events, link.hash)


def _checked_contents(before: Contents | None, link: Link) -> Contents | None:
    """Return what the file records of its events and of those before it; raises LedgerDamaged if that is not so."""
    found, number = link.file.contents, link.file.number
    if found is None:
        return None
    # A version that records nothing may have written in between.
    known = None if found.since == number else before
    if found != contents_after(known, number, link.file.stored["body"].to_pylist()):
        raise damaged(link.file.name, "the hash of its events and of those before them", "another", RESTORE)
    return found


def _grown(found: Verification, link: Link) -> Verification:
    file, since = link.file, found.loose_since
    if file.number > found.anchored and since is None:
        since = min(file.stored["time"].to_pylist(), default=None)
    changes = {"segment": file.number, "hash": link.hash, "events": found.events + file.count, "loose_since": since}
    if file.previous is None:
        changes["unlinked"] = file.number
    return found.model_copy(update=changes)


def _compare(receipt: Receipt, hash_found: str, events: int, file: str) -> None:
    if (receipt.hash, receipt.events) != (hash_found, events):
        raise LedgerDamaged(
            f"ledger file `{file}`: expected the hash {receipt.hash} of the receipt of {receipt.time:%Y-%m-%d %H:%M}, "
            f"which was made for `{receipt.ledger}`, found {hash_found}. Unless that is another ledger, this one was "
            "written anew: compare it with a copy."
        )


def receipt_of(found: Verification, location: str, now: datetime) -> Receipt:
    """Return what to keep elsewhere, so that the ledger up to here can be told from any other."""
    return Receipt(ledger=location, segment=found.segment, events=found.events, hash=found.hash, time=now)
