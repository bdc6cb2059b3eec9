"""Stored results: one Parquet file per contestant and one row per campaign, with the commit that made it."""

from pathlib import Path

import pyarrow as pa

from benchmarks.quality.results import Row, read_rows, store_in

RESULTS = Path("benchmarks/results/fidelities")

# `levels`, `losses` and `costs` have one entry per result, in the order of their ends. `seconds` is processor time of
# proposals, evaluations and the loop together, without the processes of peers.
_NUMBERS = pa.list_(pa.float64())
_SCHEMA = pa.schema(
    [
        ("contestant", pa.string()),
        ("cell", pa.string()),
        ("workers", pa.int64()),
        ("seed", pa.int64()),
        ("regret", pa.float64()),
        ("levels", pa.list_(pa.int64())),
        ("losses", _NUMBERS),
        ("costs", _NUMBERS),
        ("seconds", pa.float64()),
        ("commit", pa.string()),
        ("date", pa.string()),
    ]
)

Key = tuple[str, int, int]


def key_of(row: Row) -> Key:
    """Return the key of a contestant's campaign."""
    return row["cell"], row["workers"], row["seed"]


def stored(contestant: str, folder: Path = RESULTS) -> dict[Key, Row]:
    """Return a contestant's campaigns."""
    return {key_of(row): row for row in read_rows(contestant, folder)}


def store(row: Row, folder: Path = RESULTS) -> None:
    """Store a campaign, in place of an earlier run of the same one."""
    store_in(folder / f"{row['contestant']}.parquet", row, _SCHEMA, key_of)
