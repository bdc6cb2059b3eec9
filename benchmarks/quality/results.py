"""Stored results: one Parquet file per contestant and one row per campaign, each with the command that made it."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]

RESULTS = Path("benchmarks/results/quality")

# One row per campaign. `points` (in the function's units, a choice by its place in the list), `values` (of the first
# objective; None for a failed trial), `further` (a list of the metrics beyond it), `started` and `ended` (virtual
# seconds) and `costs` (None if no cost was reported) have one entry per trial, so that a campaign can be judged again;
# `curve_…` have one per step of the curve. `recommended` counts the recommended points, `feasible` is whether all of
# them are, and `true_value` is their true worth. Rows stored before costs or further metrics existed lack these.
_NUMBERS = pa.list_(pa.float64())
SCHEMA = pa.schema(
    [
        ("cell", pa.string()),
        ("seed", pa.int64()),
        ("contestant", pa.string()),
        ("charged", pa.bool_()),
        ("true_value", pa.float64()),
        ("regret", pa.float64()),
        ("feasible", pa.bool_()),
        ("recommended", pa.int64()),
        ("judged_regret", pa.float64()),
        ("best_tried_regret", pa.float64()),
        ("curve_trials", pa.list_(pa.int64())),
        ("curve_regret", _NUMBERS),
        ("curve_judged_regret", _NUMBERS),
        ("points", pa.list_(_NUMBERS)),
        ("values", _NUMBERS),
        ("further", pa.list_(_NUMBERS)),
        ("started", _NUMBERS),
        ("ended", _NUMBERS),
        ("costs", _NUMBERS),
        ("utilisation", pa.float64()),
        ("duplicates", pa.int64()),
        ("failures", pa.int64()),
        ("ask_seconds_median", pa.float64()),
        ("ask_seconds_max", pa.float64()),
        ("wall_seconds", pa.float64()),
        ("versions", pa.list_(pa.string())),
        ("command", pa.string()),
        ("commit", pa.string()),
        ("date", pa.string()),
    ]
)


def key_of(row: Row) -> tuple[str, int, bool]:
    """Return the key that identifies a campaign of a contestant."""
    return row["cell"], row["seed"], row["charged"]


def read_rows(contestant: str, folder: Path = RESULTS) -> list[Row]:
    """Return a contestant's rows; an empty list if it has not run."""
    path = folder / f"{contestant}.parquet"
    return pq.read_table(path).to_pylist() if path.exists() else []


def read_all(folder: Path = RESULTS) -> list[Row]:
    """Return every stored row."""
    return [row for path in sorted(folder.glob("*.parquet")) for row in read_rows(path.stem, folder)]


def store_row(row: Row, folder: Path = RESULTS) -> None:
    """Add a row to its contestant's file, replacing an earlier row of the same campaign."""
    store_in(folder / f"{row['contestant']}.parquet", row, SCHEMA, key_of)


def store_in(path: Path, row: Row, schema: pa.Schema, key: Callable[[Row], tuple[str | int, ...]]) -> None:
    """Add a row to a file, replacing an earlier row with the same key.

    The file is replaced atomically, so that a kill loses no other row and several processes may store at the same time.
    """
    with alone(path.parent):
        old = pq.read_table(path).to_pylist() if path.exists() else []
        rows = sorted([*(each for each in old if key(each) != key(row)), row], key=key)
        unfinished = path.with_suffix(".unfinished")
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), unfinished)
        os.replace(unfinished, path)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from storing in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
