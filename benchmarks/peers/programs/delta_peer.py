"""Delta Lake: each event is a commit of one row, in a directory or, with its own conditional put, in a bucket."""

import os
import sys

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from timed_appends import tell

SCHEMA = pa.schema([("body", pa.string())])


def main(place: str, commits: int) -> None:
    """Time the given number of appends to a table in `place`."""
    table = f"{place}/delta"
    options = {"AWS_ALLOW_HTTP": "true", **{n: v for n, v in os.environ.items() if n.startswith("AWS_")}}
    delta = DeltaTable.create(table, SCHEMA, storage_options=options if "://" in place else None)

    def append(body: str) -> None:
        write_deltalake(delta, pa.table({"body": [body]}, SCHEMA), mode="append")

    def read() -> int:
        fresh = DeltaTable(table, storage_options=options if "://" in place else None)
        return fresh.to_pyarrow_table().num_rows

    tell(append, read, commits)


main(sys.argv[1], int(sys.argv[2]))
