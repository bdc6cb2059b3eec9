"""Edit a file of a ledger, as a person might."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def write_with(file: Path, column: str, values: pa.Array) -> None:
    """Replace a segment's file with one that differs only in one column."""
    parquet = pq.ParquetFile(pa.BufferReader(file.read_bytes()))
    rows = parquet.read()
    rows = rows.set_column(rows.schema.get_field_index(column), column, values)
    file.unlink()
    with pq.ParquetWriter(file, rows.schema, store_schema=False) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata(parquet.metadata.metadata)
