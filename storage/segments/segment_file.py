"""The Parquet file of one segment, with its number and the hash of the file before it."""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from overnight.campaign.errors import LedgerDamaged, LedgerError, LedgerTooNew
from overnight.campaign.history.events import Event
from overnight.storage.segments.columns import BODY, SCHEMA, TYPED
from overnight.storage.segments.contents import Contents, contents_after
from overnight.storage.segments.event_rows import events_of, rows_of, typed_rows
from overnight.storage.segments.rows_of_version_1 import SCHEMA_1, from_row
from overnight.storage.segments.rows_of_version_2 import SCHEMA_2, current, lifted

# The hash before the first segment.
GENESIS = "0" * 64
RESTORE = "Restore the file from a copy; never edit or remove one, because later segments depend on it."
_FORMAT = "overnight-ledger"
_VERSION = "3"
_FEW = 20
# Bytes of one event. Readers of the ledger read every event, so large data belongs in files outside the ledger.
LARGEST_EVENT = 16 * 2**20
UNREADABLE = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError)
_EVENTS = ["segment", "position", "body"]
_SCHEMAS = {"1": SCHEMA_1, "2": SCHEMA_2, "3": SCHEMA}


@dataclass(frozen=True)
class Encoded:
    """The bytes of a segment's file, and the contents that it records."""

    data: bytes
    contents: Contents


@dataclass(frozen=True)
class SegmentFile:
    """A segment's open file, and the hash of the file before it, which version 1 did not record.

    `contents` is the hash of all events up to this segment, which older files do not record. Each part is checked when
    it is read, and raises LedgerDamaged with the name of the file, or LedgerTooNew if its events have fields or words
    that this version does not know.
    """

    name: str
    number: int
    version: str
    previous: str | None
    contents: Contents | None
    parquet: pq.ParquetFile

    @property
    def count(self) -> int:
        """Return the number of its events."""
        return self.parquet.metadata.num_rows

    @property
    def events(self) -> tuple[Event, ...]:
        """Return the events, from their bodies alone."""
        with self._explained():
            if self.version == "1":
                return tuple(from_row(row) for row in self._read(None).to_pylist())
            return events_of(self._read(_EVENTS)["body"].to_pylist())

    @property
    def rows(self) -> pa.Table:
        """Return the rows in the form of this version."""
        return with_current_bodies(self.stored) if self.version == "2" else self.stored

    @cached_property
    def stored(self) -> pa.Table:
        """Return the rows with the columns of this version but their original bodies, which `contents` hashes."""
        if self.version == "1":
            return rows_of(self.events, self.number)
        with self._explained():
            return self._read(None) if self.version == _VERSION else lifted(self._read(None))

    def _read(self, columns: list[str] | None) -> pa.Table:
        rows = self.parquet.read(columns, use_threads=False)
        places = list(zip(rows["segment"].to_pylist(), rows["position"].to_pylist(), strict=True))
        if places != [(self.number, i) for i in range(len(places))]:
            raise ValueError("its rows do not have the number of the file")
        return rows

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except UNREADABLE as problem:
            raise unreadable(self.name, problem) from problem


def checked_events(files: Sequence[SegmentFile]) -> tuple[Event, ...]:
    """Return the files' events.

    Raises LedgerDamaged with the name of the first file whose typed columns contradict its events. Raises LedgerTooNew
    if no file is damaged, but one has fields or words that this version does not know.
    """
    problem = None
    try:
        rows = pa.concat_tables([file.stored for file in files])
        events = events_of(rows["body"].to_pylist())
        expected = typed_rows(events, rows["segment"].to_pylist(), rows["position"].to_pylist())
        if same_rows(rows.select(TYPED.names), expected):
            return events
    except UNREADABLE as found:
        problem = found
    # The files failed the check together; check them one by one to find the bad one.
    newer: LedgerTooNew | None = None
    for file in files if len(files) > 1 else ():
        try:
            checked_events([file])
        except LedgerTooNew as found:
            newer = newer or found
    if newer is not None:
        raise newer
    if problem is not None:
        raise unreadable(files[0].name, problem) from problem
    raise damaged(files[0].name, "columns that agree with its events", "others", RESTORE)


def with_current_bodies(rows: pa.Table) -> pa.Table:
    """Return rows with their bodies in the form of this version."""
    bodies = pa.array([current(body) for body in rows["body"].to_pylist()], pa.string())
    return rows.set_column(rows.column_names.index("body"), BODY, bodies)


def same_rows(found: pa.Table, expected: pa.Table) -> bool:
    """Return whether two tables are equal; unlike in Arrow, NaN equals NaN."""
    return found.equals(expected) or repr(found.to_pylist()) == repr(expected.to_pylist())


def digest(data: bytes) -> str:
    """Return the hash of these bytes that the next segment records."""
    return hashlib.sha256(data).hexdigest()


def encode(number: int, events: Sequence[Event], previous: str, before: Contents | None = None) -> Encoded:
    """Return the file of a segment; `before` is the contents up to the segment before it.

    Raises LedgerError with the id of an event that cannot be written exactly, or is larger than `LARGEST_EVENT`.
    """
    try:
        table = rows_of(events, number)
    except (ValueError, TypeError, OverflowError) as problem:
        ids = ", ".join(event.id for event in events)
        raise LedgerError(f"segment {number} ({ids}): an event cannot be written: {problem}") from problem
    bodies = table["body"].to_pylist()
    _refuse_huge(number, events, bodies)
    contents = contents_after(before, number, bodies)
    sink = pa.BufferOutputStream()
    # A segment is one row group of a few rows, so statistics and dictionaries would be most of the file. For very few
    # rows, compressing each column takes as long as everything else and saves nothing.
    compression: Any = "zstd" if len(events) > _FEW else {"body": "zstd"}
    with pq.ParquetWriter(
        sink,
        SCHEMA,
        compression=compression,
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(
            {
                "format": _FORMAT,
                "schema_version": _VERSION,
                "segment": str(number),
                "previous": previous,
                "contents": str(contents),
                # No two appends write the same bytes, so a writer recognises its own file.
                "append": secrets.token_hex(8),
            }
        )
    return Encoded(sink.getvalue().to_pybytes(), contents)


def decode(data: bytes, number: int, file: str) -> SegmentFile:
    """Return the bytes as the file of segment `number`; raises LedgerDamaged or LedgerTooNew with the file's name."""
    try:
        parquet = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        metadata = {name.decode(): value.decode() for name, value in (parquet.metadata.metadata or {}).items()}
        _check_metadata(metadata, number, file)
        version = metadata["schema_version"]
        if not parquet.schema_arrow.equals(_SCHEMAS[version]):
            raise ValueError("its columns are not those of the ledger")
        contents = Contents.read(metadata["contents"]) if "contents" in metadata else None
    except UNREADABLE as problem:
        raise unreadable(file, problem) from problem
    previous = metadata.get("previous")
    if previous is None and version != "1":
        raise damaged(file, "the hash of the segment before it", "none", RESTORE)
    return SegmentFile(file, number, version, previous, contents, parquet)


def _refuse_huge(number: int, events: Sequence[Event], bodies: Sequence[str]) -> None:
    for event, body in zip(events, bodies, strict=True):
        # A character has at most four bytes, so only very long texts are encoded to be measured.
        if len(body) > LARGEST_EVENT // 4 and (size := len(body.encode())) > LARGEST_EVENT:
            raise LedgerError(
                f"segment {number} ({event.id}): expected at most {LARGEST_EVENT // 2**20} MiB for one event, found "
                f"{size / 2**20:,.0f} MiB. It was not written. Keep large data in a file, and record its path."
            )


def damaged(file: str, expected: str, found: str, remedy: str) -> LedgerDamaged:
    """Return the error for a file of the ledger."""
    return LedgerDamaged(" ".join(f"ledger file `{file}`: expected {expected}, found {found}. {remedy}".split()))


def unreadable(
    file: str, problem: Exception, expected: str = "a complete segment", remedy: str = RESTORE
) -> LedgerDamaged | LedgerTooNew:
    """Return the error for a file that cannot be read, perhaps because this version is too old for it."""
    found = _unknown_part(problem) if isinstance(problem, ValidationError) else None
    if found is not None:
        return _too_new(file, "only keys and words that this version knows", found)
    return damaged(file, expected, f"one that cannot be read ({problem})", remedy)


def refuse_newer(said: str, latest: str, file: str) -> None:
    """Raise LedgerTooNew with the file's name if its schema version is above the latest known one."""
    if said.isdecimal() and int(said) > int(latest):
        raise _too_new(file, f"schema version {latest} or an older one", said)


def _too_new(file: str, expected: str, found: str) -> LedgerTooNew:
    return LedgerTooNew(
        f"ledger file `{file}`: expected {expected}, found {found}, which a newer version of Overnight wrote. Upgrade "
        "Overnight to read it. If no newer version has run there, the file was altered: restore it from a copy."
    )


def _unknown_part(problem: ValidationError) -> str | None:
    """Return the first key or word that a later version may have added; None if anything else is wrong."""
    said = [(details["type"], details) for details in problem.errors(include_url=False)]
    if any(kind not in ("extra_forbidden", "literal_error", "union_tag_invalid") for kind, _ in said):
        return None
    kind, details = said[0]
    if kind == "extra_forbidden":
        return f"the key `{details['loc'][-1]}`"
    return f"the word `{details.get('ctx', {}).get('tag', details['input'])}`"


def _check_metadata(metadata: dict[str, str], number: int, file: str) -> None:
    said = {name: metadata.get(name, "nothing") for name in ("format", "schema_version", "segment")}
    if said["format"] != _FORMAT:
        raise damaged(file, f"format {_FORMAT}", said["format"], "Move it elsewhere: it is not part of this ledger.")
    refuse_newer(said["schema_version"], _VERSION, file)
    if said["schema_version"] not in _SCHEMAS:
        raise damaged(file, f"one of the schema versions {', '.join(_SCHEMAS)}", said["schema_version"], RESTORE)
    if said["segment"] != str(number):
        raise damaged(file, f"segment {number}", f"segment {said['segment']}", "Give the files back their own names.")
