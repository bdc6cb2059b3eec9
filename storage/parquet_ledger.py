"""The ledger as numbered Parquet files in a directory or a bucket."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

import pyarrow as pa

from campaign import garbage
from campaign.errors import LedgerMoved, OvernightError
from campaign.events import CampaignDrained, CampaignFinished, Event
from storage import blocks
from storage.blocks import Blocks
from storage.chain import Chain, Link
from storage.event_rows import SCHEMA
from storage.heartbeat import StoredHeartbeat
from storage.ledger import Segment
from storage.segment_file import encode
from storage.snapshots import Snapshots
from storage.store import ObjectExists, ObjectStore

_COPIED_EVERY = 250


class ParquetLedger:
    """A Ledger in an object store, under a prefix that ends in `/`.

    An append that is cancelled while it writes may still be committed; read before you append again.
    """

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self.chain = Chain(store, prefix)
        self.blocks = Blocks(store, prefix, self.chain)
        self.snapshots = Snapshots(store, prefix, self.chain)
        self.heartbeat = StoredHeartbeat(store, prefix)
        self._copied = 0

    async def append(self, events: Sequence[Event], *, after: int) -> int:
        """Write the events as file `after + 1` and return that number."""
        return await asyncio.to_thread(self._append, tuple(events), after)

    async def read(self, *, after: int = 0) -> tuple[Segment, ...]:
        """Return the segments with numbers above `after`; of the older files only `after` is read, for its hash."""
        return await asyncio.to_thread(self._read, after)

    def head(self) -> tuple[int, str]:
        """Return the number and the hash of the newest segment: who keeps them can tell this ledger from any other."""
        newest = self.chain.newest(0)
        return newest, self.chain.hash(newest)

    def hash_of(self, number: int) -> str:
        """Return the hash of a segment; nothing is read for the one that was read or written last."""
        return self.chain.remembered(number)

    def rows(self) -> pa.Table:
        """Return the rows of all events."""
        tables = [block.rows.select(SCHEMA.names) for block in self.blocks.after(0)]
        known = len(tables) * blocks.SIZE
        tables += [link.file.rows for link in self.chain.links(known)]
        return pa.concat_tables([SCHEMA.empty_table(), *tables])

    def _append(self, events: tuple[Event, ...], after: int) -> int:
        number = after + 1
        if after == 0:
            self.chain.prove()
        data = encode(number, events, self.chain.hash(after))
        try:
            self.chain.create(number, data)
        except ObjectExists:
            file = self.chain.name(number)
            raise LedgerMoved(f"ledger file `{file}` exists already; read what is new and decide again") from None
        self._keep_copies(number, at_the_end=isinstance(events[-1], CampaignDrained | CampaignFinished))
        return number

    def _keep_copies(self, number: int, *, at_the_end: bool) -> None:
        """Make blocks and snapshots every few hundred segments; nobody waits for them but the end of a campaign.

        The ledger is whole without them, and the next process makes those that fail.
        """
        if at_the_end:
            self._make_copies(number, at_the_end=True)
        elif number // _COPIED_EVERY > self._copied:
            Thread(target=self._make_copies, args=(number,), name="copies", daemon=True).start()
        self._copied = number // _COPIED_EVERY

    def _make_copies(self, number: int, *, at_the_end: bool = False) -> None:
        # A RuntimeError says that the interpreter is about to end.
        with suppress(OvernightError, RuntimeError):
            self.blocks.make_missing()
        with suppress(OvernightError, RuntimeError):
            if at_the_end or self.snapshots.is_due(number):
                segments = (segment for segment in self._read(0) if segment.number <= number)
                self.snapshots.make(number, [event for segment in segments for event in segment.events])

    def _read(self, after: int) -> tuple[Segment, ...]:
        segments: list[Segment] = []
        newest, known = self.chain.newest(after), None
        block_begins = -(-after // blocks.SIZE) * blocks.SIZE
        with garbage.left_alone():
            if newest - block_begins >= blocks.SIZE:
                segments += map(_segment, self.chain.links(after, to=block_begins))
                after = block_begins
                for block in self.blocks.after(block_begins):
                    segments += [Segment(number, events) for number, events in block.segments()]
                    after, known = block.last, block.hash
            segments += map(_segment, self.chain.links(after, previous=known, to=max(newest, after)))
        return tuple(segments)


def _segment(link: Link) -> Segment:
    return Segment(link.file.number, link.file.events)
