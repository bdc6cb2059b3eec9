"""Measurements in Parquet: one row for each contestant, cell and seed."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.speed.problem import Cell

RESULTS = Path("benchmarks/results/speed")
# If other processes keep more cores busy than this, libraries whose threads spin while they wait become many times
# slower.
MOST_BUSY_ELSEWHERE = 0.3

_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), float | None: pa.float64(), int | None: pa.int64()}


@dataclass(frozen=True)
class Row:
    """One ask of one contestant.

    Rows of one `round` were measured interleaved, and only these are compared. If the contestant failed, `seconds` is
    None and `error` holds the reason. Shortfalls are in nats, relative to the best of the round; None if not judged.
    `given` is the number of threads that the process was given, and `threads` the number that it reported using.
    `others` is the number of cores that other processes kept busy during the ask; unless it is near 0, the seconds mean
    little. `cpu_seconds` is the processor time of all threads; older rows lack it.
    """

    suite: str
    round: str
    n: int
    d: int
    pending: int
    q: int
    seed: int
    contestant: str
    seconds: float | None
    error: str
    objective: float | None
    fit_shortfall: float | None
    acquisition: float | None
    acquisition_shortfall: float | None
    peak_rss: int | None
    others: float | None
    given: int
    threads: int | None
    points: str
    fit: str
    versions: str
    machine: str
    command: str
    commit: str
    date: str
    cpu_seconds: float | None = None

    @property
    def cell(self) -> Cell:
        """Return the cell of this ask."""
        return Cell(self.n, self.d, self.pending, self.q)

    @property
    def disturbed(self) -> bool:
        """Return whether other processes kept the machine too busy for the seconds to be published."""
        return self.others is not None and self.others > MOST_BUSY_ELSEWHERE


_SCHEMA = pa.schema([(f.name, _TYPES[f.type]) for f in fields(Row)])  # pyright: ignore[reportArgumentType]


def write(rows: Sequence[Row], path: Path) -> None:
    """Write a file as a whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows], _SCHEMA), unfinished)
    unfinished.replace(path)


def read(folder: Path) -> list[Row]:
    """Return every row, oldest first."""
    rows = [Row(**row) for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: row.date)


def latest_rounds(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of the latest round of each cell and seed; rows of different rounds are never mixed."""
    rows = list(rows)
    latest = {(row.suite, row.cell, row.seed): row.round for row in sorted(rows, key=lambda row: row.date)}
    return [row for row in rows if latest[row.suite, row.cell, row.seed] == row.round]
