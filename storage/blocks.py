"""Blocks: the rows of a thousand segments in one file, so that reading costs little; `events/` stays the truth.

A block may be deleted at any time; it is made again from the segments.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice

import pyarrow as pa
import pyarrow.parquet as pq

from campaign.events import Event
from storage.chain import Chain, Link
from storage.event_rows import SCHEMA, events_of
from storage.segment_file import UNREADABLE, damaged, refuse_newer, same_rows, unreadable
from storage.store import ObjectExists, ObjectMissing, ObjectStore

SIZE = 1000
_FORMAT, _VERSION = "overnight-block", "1"
# Each row also says the hash of its segment's file.
_BLOCK = SCHEMA.append(pa.field("hash", pa.string()))
_NAME = re.compile(r"(\d{20})-\d{20}\.parquet")
_REMEDY = "Delete it: it is made again from the segments."


@dataclass(frozen=True)
class Block:
    """The rows of segments `first` to `last`, and the hash of the last one's file."""

    name: str
    first: int
    last: int
    hash: str
    rows: pa.Table

    def segments(self) -> Iterator[tuple[int, tuple[Event, ...]]]:
        """Return each segment's number and events; raises LedgerDamaged if a row holds none, LedgerTooNew as it may."""
        try:
            events = iter(events_of(self.rows["body"].to_pylist()))
        except UNREADABLE as problem:
            raise unreadable(self.name, problem, "a whole block", _REMEDY) from problem
        counts = Counter(self.rows["segment"].to_pylist())
        for number in range(self.first, self.last + 1):
            yield number, tuple(islice(events, counts[number]))


class Blocks:
    """The files under `prefix` + `compact/`; block k holds segments 1000 k + 1 to 1000 (k + 1)."""

    def __init__(self, store: ObjectStore, prefix: str, chain: Chain) -> None:
        self._store = store
        self._folder = f"{prefix}compact/"
        self._chain = chain

    def after(self, segment: int) -> Iterator[Block]:
        """Return the blocks that go on after this segment, one after the other, until there is a gap.

        Raises LedgerDamaged for one that cannot be read, LedgerTooNew for one of a newer version.
        """
        index, rest = divmod(segment, SIZE)
        there = set() if rest else self._there(index)
        with suppress(ObjectMissing):
            while self._key(index) in there:
                yield self._read(index)
                index += 1

    def make_missing(self) -> None:
        """Make each block whose segments are all there and that is not."""
        there = self._there(0)
        missing = next(index for index in count() if self._key(index) not in there)
        for index in range(missing, self._chain.newest(missing * SIZE) // SIZE):
            if self._key(index) not in there:
                self._make(index)

    def compare(self, run: Sequence[Link]) -> None:
        """Raise LedgerDamaged if there is a block of these segments, which begin where a block does, and it differs."""
        index = (run[0].file.number - 1) // SIZE
        try:
            block = self._read(index) if len(run) == SIZE else None
        except ObjectMissing:
            return
        if block and (block.hash != run[-1].hash or not same_rows(block.rows, _table(run))):
            raise damaged(block.name, "what its segments hold", "something else", _REMEDY)

    def lasts(self) -> list[int]:
        """Return the last segment of each block; raises LedgerDamaged for a file that is none by its name."""
        found = []
        for key in self._store.keys(self._folder):
            name = _NAME.fullmatch(key.rpartition("/")[2])
            index = -1 if name is None else (int(name[1]) - 1) // SIZE
            if index < 0 or self._key(index) != key:
                where = f"{self._store.location}/{key}"
                raise damaged(
                    where, "only blocks there", "a file that is none by its name", "Move it out of the ledger."
                )
            found.append((index + 1) * SIZE)
        return found

    def name(self, last: int) -> str:
        """Return where the block that ends with this segment is, as people would look for it."""
        return f"{self._store.location}/{self._key(last // SIZE - 1)}"

    def _there(self, index: int) -> set[str]:
        return set(self._store.keys(self._folder, start_after=self._key(index - 1) if index else ""))

    def _make(self, index: int) -> None:
        links = list(self._chain.links(index * SIZE, to=(index + 1) * SIZE))
        # Another process may have made the same.
        with suppress(ObjectExists):
            self._store.create(self._key(index), _encode(index * SIZE + 1, links))

    def _read(self, index: int) -> Block:
        key = self._key(index)
        name = f"{self._store.location}/{key}"
        first, last = index * SIZE + 1, (index + 1) * SIZE
        data = self._store.get(key)
        try:
            parquet = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
            said = {k.decode(): v.decode() for k, v in (parquet.metadata.metadata or {}).items()}
            if said.get("format") == _FORMAT:
                refuse_newer(said.get("schema_version", "nothing"), _VERSION, name)
            expected = {"format": _FORMAT, "schema_version": _VERSION, "first": str(first), "last": str(last)}
            if {k: said.get(k) for k in expected} != expected or not parquet.schema_arrow.equals(_BLOCK):
                raise ValueError(f"it says of itself {said}")
            return Block(name, first, last, said["hash"], parquet.read(use_threads=False))
        except UNREADABLE as problem:
            raise unreadable(name, problem, "a whole block", _REMEDY) from problem

    def _key(self, index: int) -> str:
        return f"{self._folder}{index * SIZE + 1:020d}-{(index + 1) * SIZE:020d}.parquet"


def _encode(first: int, links: Sequence[Link]) -> bytes:
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, _BLOCK, compression="zstd", write_page_checksum=True, store_schema=False) as writer:
        writer.write_table(_table(links))
        writer.add_key_value_metadata(
            {
                "format": _FORMAT,
                "schema_version": _VERSION,
                "first": str(first),
                "last": str(first + len(links) - 1),
                "hash": links[-1].hash,
            }
        )
    return sink.getvalue().to_pybytes()


def _table(links: Sequence[Link]) -> pa.Table:
    return pa.concat_tables([_rows(link) for link in links])


def _rows(link: Link) -> pa.Table:
    rows = link.file.rows
    return rows.append_column("hash", pa.array([link.hash] * rows.num_rows, pa.string()))
