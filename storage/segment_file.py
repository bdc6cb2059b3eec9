"""The bytes of a segment: one Parquet file that says what it is and whose pages carry checksums."""

import secrets
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from campaign.errors import LedgerDamaged, LedgerError
from campaign.events import SCHEMA_VERSION, Event
from storage.event_rows import SCHEMA, from_row, to_row
from storage.ledger import Segment

_FORMAT = "overnight-ledger"
RESTORE = "Restore the file from a copy; never edit or remove one, because later segments stand on it."
_UPGRADE = "Read it with the version of Overnight that wrote it, or with a newer one."


def encode(number: int, events: Sequence[Event]) -> bytes:
    """Return the file of a segment; raises LedgerError naming an event that cannot be written exactly."""
    try:
        rows = [to_row(event, number, position) for position, event in enumerate(events)]
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
    except (ValueError, TypeError, OverflowError) as problem:
        ids = ", ".join(event.id for event in events)
        raise LedgerError(f"segment {number} ({ids}): an event cannot be written: {problem}") from problem
    sink = pa.BufferOutputStream()
    # A segment is one row group of a few rows: statistics and dictionaries would be most of the file.
    with pq.ParquetWriter(
        sink,
        SCHEMA,
        compression="zstd",
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(
            {
                "format": _FORMAT,
                "schema_version": str(SCHEMA_VERSION),
                "segment": str(number),
                # No two appends write the same bytes, so that a writer knows its own.
                "append": secrets.token_hex(8),
            }
        )
    return sink.getvalue().to_pybytes()


def decode(data: bytes, number: int, file: str) -> Segment:
    """Return segment `number` from the bytes of `file`; raises LedgerDamaged naming the file."""
    try:
        parquet = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        metadata = parquet.metadata.metadata or {}
        _check_metadata(metadata, number, file)
        rows = _read_rows(parquet, number)
        return Segment(number=number, events=tuple(from_row(row) for row in rows))
    except (pa.ArrowException, OSError, ValueError, KeyError) as problem:
        raise damaged(file, "a whole segment", f"one that cannot be read ({problem})", RESTORE) from problem


def damaged(file: str, expected: str, found: str, remedy: str) -> LedgerDamaged:
    """Return the error for a file of the ledger."""
    return LedgerDamaged(f"ledger file `{file}`: expected {expected}, found {found}. {remedy}")


def _check_metadata(metadata: dict[bytes, bytes], number: int, file: str) -> None:
    said = {name: metadata.get(name.encode(), b"nothing").decode() for name in ("format", "schema_version", "segment")}
    if said["format"] != _FORMAT:
        raise damaged(file, f"format {_FORMAT}", said["format"], "Move it out of the ledger; it is not of it.")
    if said["schema_version"] != str(SCHEMA_VERSION):
        raise damaged(file, f"schema version {SCHEMA_VERSION}", said["schema_version"], _UPGRADE)
    if said["segment"] != str(number):
        raise damaged(file, f"segment {number}", f"segment {said['segment']}", "Give the files their own names back.")


def _read_rows(parquet: pq.ParquetFile, number: int) -> list[dict[str, object]]:
    if not parquet.schema_arrow.equals(SCHEMA):
        raise ValueError("its columns are not those of the ledger")
    rows = parquet.read(use_threads=False).to_pylist()
    if [(row["segment"], row["position"]) for row in rows] != [(number, i) for i in range(len(rows))]:
        raise ValueError("its rows are not numbered as the file is")
    return rows
