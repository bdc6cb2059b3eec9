"""The ledger as numbered Parquet files in a directory or a bucket."""

import asyncio
from collections.abc import Sequence

import pyarrow as pa

from overnight.campaign.errors import LedgerMoved
from overnight.campaign.history.events import CampaignDrained, CampaignFinished, Event
from overnight.campaign.values import garbage
from overnight.storage.copies.blocks import Blocks
from overnight.storage.copies.copies import Copies
from overnight.storage.copies.reading import read_parts, read_segments
from overnight.storage.copies.snapshots import Snapshots
from overnight.storage.heartbeat import StoredHeartbeat
from overnight.storage.ledger import Segment
from overnight.storage.segments.chain import Chain
from overnight.storage.segments.columns import SCHEMA
from overnight.storage.segments.segment_file import encode
from overnight.storage.stores.store import ObjectExists, ObjectStore


class ParquetLedger:
    """A Ledger in an object store, under a prefix that ends in `/`.

    An append that is cancelled while it writes may still be committed: read before the next append.
    """

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self.chain = Chain(store, prefix)
        self.blocks = Blocks(store, prefix, self.chain)
        self.snapshots = Snapshots(store, prefix, self.chain)
        self.heartbeat = StoredHeartbeat(store, prefix)
        self._copies = Copies(store, prefix)

    @property
    def folder(self) -> str:
        """Return the path or address of the ledger's folder."""
        return self.chain.folder

    async def append(self, events: Sequence[Event], *, after: int) -> int:
        """Write the events as file `after + 1` and return that number."""
        return await asyncio.to_thread(self._append, tuple(events), after)

    async def read(self, *, after: int = 0) -> tuple[Segment, ...]:
        """Return the segments with numbers above `after`; the only older file that is read is `after`, for its hash."""
        return await asyncio.to_thread(self._read, after)

    def head(self) -> tuple[int, str]:
        """Return the number and the hash of the newest segment; kept elsewhere, they prove which ledger this is."""
        newest = self.chain.newest(0)
        return newest, self.chain.tip(newest).hash

    def hash_of(self, number: int) -> str:
        """Return the hash of a segment; that of the segment read or written last is known without reading."""
        return self.chain.remembered(number)

    def rows(self) -> pa.Table:
        """Return the rows of all events."""
        with garbage.left_alone():
            parts = list(read_parts(self.chain, self.blocks, 0))
        return pa.concat_tables([SCHEMA.empty_table(), *(part.rows for part in parts)])

    def _append(self, events: tuple[Event, ...], after: int) -> int:
        number = after + 1
        if after == 0:
            self.chain.prove()
        before = self.chain.known(after)
        try:
            self.chain.append(encode(number, events, before.tip.hash, before.tip.contents), before)
        except ObjectExists:
            file = self.chain.name(number)
            raise LedgerMoved(f"ledger file `{file}` exists already; read the new events and decide again") from None
        if any(isinstance(event, CampaignDrained | CampaignFinished) for event in events):
            self._copies.make_last(number)
        else:
            self._copies.make_if_due(number)
        return number

    def _read(self, after: int) -> tuple[Segment, ...]:
        with garbage.left_alone():
            return tuple(read_segments(self.chain, self.blocks, after))
