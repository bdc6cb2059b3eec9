"""Blocks: the rows of a thousand segments in one file, for fast reading; the segments in `events/` stay the truth.

A block may be deleted at any time, and is then made again from the segments. Because it may have been edited, only its
events are read, and only if the chain of segments vouches for every byte of them.
"""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice

import pyarrow as pa
import pyarrow.parquet as pq

from overnight.campaign.errors import LedgerDamaged, LedgerTooNew
from overnight.campaign.history.events import Event
from overnight.storage.ledger import Segment
from overnight.storage.segments.chain import Chain, Link, Tip
from overnight.storage.segments.columns import SCHEMA
from overnight.storage.segments.contents import Contents, contents_after
from overnight.storage.segments.event_rows import events_of, typed_rows
from overnight.storage.segments.rows_of_version_2 import SCHEMA_2, current, lifted
from overnight.storage.segments.segment_file import UNREADABLE, damaged, refuse_newer, same_rows, unreadable
from overnight.storage.stores.store import ObjectExists, ObjectMissing, ObjectStore

SIZE = 1000
_FORMAT, _VERSION = "overnight-block", "2"
# Each row also has the hash of its segment's file.
_HASH = pa.field("hash", pa.string())
_BLOCK = SCHEMA.append(_HASH)
# Blocks of version 1 have the columns of segments of version 2.
_SCHEMAS = {"1": SCHEMA_2.append(_HASH), _VERSION: _BLOCK}
_NAME = re.compile(r"(\d{20})-\d{20}\.parquet")
_REMEDY = "Delete it: it is made again from the segments."
# The placeholder for a block's own hash while its file is hashed.
_UNSEALED = "0" * 64
_KEYS = {"format", "schema_version", "first", "last", "hash"}
_LOG = logging.getLogger("overnight")


@dataclass(frozen=True)
class Block:
    """The contents of segments `first` to `last`: the number of events in each, all events and their bodies."""

    first: int
    last: int
    counts: tuple[int, ...]
    events: tuple[Event, ...]
    bodies: tuple[str, ...]

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Return the segments."""
        events, numbers = iter(self.events), range(self.first, self.last + 1)
        return tuple(Segment(n, tuple(islice(events, size))) for n, size in zip(numbers, self.counts, strict=True))

    @property
    def rows(self) -> pa.Table:
        """Return rows made from the events, because the block's own columns are not verified."""
        numbers = range(self.first, self.last + 1)
        segments = [number for number, size in zip(numbers, self.counts, strict=True) for _ in range(size)]
        positions = [position for size in self.counts for position in range(size)]
        typed = typed_rows(self.events, segments, positions)
        return pa.Table.from_arrays([*typed.columns, pa.array(map(current, self.bodies), pa.string())], schema=SCHEMA)


class Blocks:
    """The files under `prefix` + `compact/`; block k holds segments 1000 k + 1 to 1000 (k + 1).

    `warn` is called once for each block that differs from its segments.
    """

    def __init__(
        self, store: ObjectStore, prefix: str, chain: Chain, warn: Callable[[str], None] = _LOG.warning
    ) -> None:
        self._store = store
        self._folder = f"{prefix}compact/"
        self._chain = chain
        self._warn = warn
        self._warned: set[int] = set()

    def there(self, after: int) -> set[int]:
        """Return the last segment of each block above `after`, at which a block must end."""
        index = after // SIZE
        keys = self._keys_from(index)
        return {(i + 1) * SIZE for i in range(index, index + len(keys)) if self._key(i) in keys}

    def checked(self, before: Tip, last: Tip) -> Block | None:
        """Return the block between two segments if it has exactly the contents that the chain records.

        None if there is no such block, if the segments are of a version that cannot vouch for it, and, with a warning,
        if it cannot be read or has other contents.
        """
        if last.contents is None:
            return None
        known = before.contents if last.contents.since <= before.number else None
        if last.contents.since != (before.number + 1 if known is None else known.since):
            return None
        try:
            return self._checked(before.number // SIZE, known, last.contents)
        except ObjectMissing:
            return None
        except (LedgerDamaged, LedgerTooNew) as problem:
            if last.number not in self._warned:
                self._warned.add(last.number)
                self._warn(f"{problem} The segments are read instead: nothing is lost.")
            return None

    def _checked(self, index: int, known: Contents | None, expected: Contents) -> Block:
        name, parquet, _ = self._opened(index)
        first, last = index * SIZE + 1, (index + 1) * SIZE
        try:
            rows = parquet.read(["segment", "body"], use_threads=False)
            bodies, sizes = rows["body"].to_pylist(), Counter(rows["segment"].to_pylist())
            left, counts = iter(bodies), tuple(sizes[number] for number in range(first, last + 1))
            for number, size in zip(range(first, last + 1), counts, strict=True):
                known = contents_after(known, number, list(islice(left, size)))
            if known != expected or len(bodies) != sum(counts):
                raise damaged(name, "the contents of its segments", "other contents", _REMEDY)
            return Block(first, last, counts, events_of(bodies), tuple(bodies))
        except UNREADABLE as problem:
            raise unreadable(name, problem, "a complete block", _REMEDY) from problem

    def make_missing(self) -> None:
        """Make each missing block whose segments all exist."""
        there = self._keys_from(0)
        missing = next(index for index in count() if self._key(index) not in there)
        for index in range(missing, self._chain.newest(missing * SIZE) // SIZE):
            if self._key(index) not in there:
                self._make(index)

    def compare(self, run: Sequence[Link]) -> None:
        """Raise LedgerDamaged if these segments have a block and differ from it; the first must be a block's first.

        Raises LedgerTooNew if a newer version of Overnight wrote the block.
        """
        if len(run) != SIZE:
            return
        try:
            name, parquet, data = self._opened((run[0].file.number - 1) // SIZE)
        except ObjectMissing:
            return
        try:
            rows = parquet.read(use_threads=False)
        except UNREADABLE as problem:
            raise unreadable(name, problem, "a complete block", _REMEDY) from problem
        if not _is_sealed(data, _metadata(parquet)):
            raise damaged(name, "the bytes that were written", "other bytes", _REMEDY)
        if _metadata(parquet)["hash"] != run[-1].hash or not _is_copy(rows, _table(run)):
            raise damaged(name, "the contents of its segments", "other contents", _REMEDY)

    def lasts(self) -> list[int]:
        """Return the last segment of each block; raises LedgerDamaged for a file without the name of a block."""
        found = []
        for key in self._store.keys(self._folder):
            name = _NAME.fullmatch(key.rpartition("/")[2])
            index = -1 if name is None else (int(name[1]) - 1) // SIZE
            if index < 0 or self._key(index) != key:
                where = f"{self._store.location}/{key}"
                raise damaged(
                    where, "only blocks there", "a file without the name of a block", "Move it out of the ledger."
                )
            found.append((index + 1) * SIZE)
        return found

    def name(self, last: int) -> str:
        """Return the path or address of the block that ends with this segment."""
        return f"{self._store.location}/{self._key(last // SIZE - 1)}"

    def _keys_from(self, index: int) -> set[str]:
        return set(self._store.keys(self._folder, start_after=self._key(index - 1) if index else ""))

    def _make(self, index: int) -> None:
        links = list(self._chain.links(index * SIZE, to=(index + 1) * SIZE))
        # Another process may have made the same block.
        with suppress(ObjectExists):
            self._store.create(self._key(index), _encode(index * SIZE + 1, links))

    def _opened(self, index: int) -> tuple[str, pq.ParquetFile, bytes]:
        """Return a block's name, its open file and the file's bytes.

        Raises ObjectMissing, LedgerDamaged if it is not a block of these segments, LedgerTooNew if it is a newer one.
        """
        key = self._key(index)
        name = f"{self._store.location}/{key}"
        data = self._store.get(key)
        try:
            parquet = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
            said = _metadata(parquet)
            if said.get("format") == _FORMAT:
                refuse_newer(said.get("schema_version", "nothing"), _VERSION, name)
            first, last = str(index * SIZE + 1), str((index + 1) * SIZE)
            expected = {"format": _FORMAT, "first": first, "last": last}
            schema = _SCHEMAS.get(said.get("schema_version", "nothing"))
            if {k: said.get(k) for k in expected} != expected or "hash" not in said or schema is None:
                raise ValueError(f"its metadata is {said}")
            if not parquet.schema_arrow.equals(schema):
                raise ValueError("its columns are not those of a block")
            return name, parquet, data
        except UNREADABLE as problem:
            raise unreadable(name, problem, "a complete block", _REMEDY) from problem

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
                "file": _UNSEALED,
            }
        )
    data = sink.getvalue().to_pybytes()
    # The metadata is at the end of the file; events before it may contain the same text.
    before, _, after = data.rpartition(_UNSEALED.encode())
    return before + hashlib.sha256(data).hexdigest().encode() + after


def _is_sealed(data: bytes, said: dict[str, str]) -> bool:
    """Return whether each byte of a block's file is as it was written; older blocks do not record their hash."""
    if "file" not in said:
        return set(said) == _KEYS
    seal, found = said["file"].encode(), hashlib.sha256()
    begin = data.rfind(seal)
    found.update(data[:begin] + _UNSEALED.encode() + data[begin + len(seal) :])
    return set(said) == {*_KEYS, "file"} and found.hexdigest().encode() == seal


def _metadata(parquet: pq.ParquetFile) -> dict[str, str]:
    return {k.decode(): v.decode() for k, v in (parquet.metadata.metadata or {}).items()}


def _table(links: Sequence[Link]) -> pa.Table:
    return pa.concat_tables([_rows(link) for link in links])


def _is_copy(block: pa.Table, table: pa.Table) -> bool:
    """Return whether a block has these rows; a block of version 1 may have bodies of an earlier version for them."""
    if block.schema.equals(_BLOCK):
        return same_rows(block, table)
    hashes = block["hash"].to_pylist() == table["hash"].to_pylist()
    block, table = lifted(block.drop(["hash"])), table.drop(["hash"])
    events = [repr(events_of(rows["body"].to_pylist())) for rows in (block, table)]
    return hashes and same_rows(block.drop(["body"]), table.drop(["body"])) and events[0] == events[1]


def _rows(link: Link) -> pa.Table:
    rows = link.file.stored
    return rows.append_column("hash", pa.array([link.hash] * rows.num_rows, pa.string()))
