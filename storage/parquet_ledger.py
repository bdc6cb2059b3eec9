"""The ledger as numbered Parquet files in a directory or a bucket."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

import pyarrow as pa

from campaign import garbage
from campaign.errors import LedgerError, LedgerMoved
from campaign.events import Event
from storage import blocks
from storage.blocks import Blocks
from storage.chain import Chain
from storage.event_rows import SCHEMA
from storage.heartbeat import StoredHeartbeat
from storage.ledger import Segment
from storage.segment_file import encode
from storage.store import ObjectExists, ObjectStore


class ParquetLedger:
    """A Ledger in an object store, under a prefix that ends in `/`.

    An append that is cancelled while it writes may still be committed; read before you append again.
    """

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self.chain = Chain(store, prefix)
        self.blocks = Blocks(store, prefix, self.chain)
        self.heartbeat = StoredHeartbeat(store, prefix)
        self._whole = 0

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
        if number // blocks.SIZE > self._whole:
            # Reading needs no blocks, so nobody waits for them, and the next process makes those that fail.
            self._whole = number // blocks.SIZE
            Thread(target=self._make_blocks, name="blocks", daemon=True).start()
        return number

    def _make_blocks(self) -> None:
        # A RuntimeError says that the interpreter is about to end.
        with suppress(LedgerError, RuntimeError):
            self.blocks.make_missing()

    def _read(self, after: int) -> tuple[Segment, ...]:
        segments: list[Segment] = []
        known = None
        with garbage.left_alone():
            for block in self.blocks.after(after):
                segments += [Segment(number, events) for number, events in block.segments()]
                after, known = block.last, block.hash
            links = self.chain.links(after, previous=known)
            segments += [Segment(link.file.number, link.file.events) for link in links]
        return tuple(segments)
