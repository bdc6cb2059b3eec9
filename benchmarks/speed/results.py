"""What was measured, kept in Parquet: one row for each contestant, cell and seed."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.speed.problem import Cell

RESULTS = Path("benchmarks/results/speed")
# Where others keep more cores busy than this, libraries that wait in spinning threads become many times slower.
MOST_BUSY_ELSEWHERE = 0.3

_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), float | None: pa.float64(), int | None: pa.int64()}


@dataclass(frozen=True)
class Row:
    """One ask of one contestant.

    Rows of one `round` were measured interleaved, and only those are compared. `seconds` is None where the contestant
    failed, and `error` says why. Shortfalls are in nats, against the best of the round; None where not judged. `given`
    is how many threads the process was given, `threads` how many it said that it used; `others` is how many cores other
    processes kept busy meanwhile: where it is not near 0, the seconds say little.
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

    @property
    def cell(self) -> Cell:
        """Return the cell that it belongs to."""
        return Cell(self.n, self.d, self.pending, self.q)

    @property
    def disturbed(self) -> bool:
        """Tell whether other processes kept the machine so busy that the seconds should not be published."""
        return self.others is not None and self.others > MOST_BUSY_ELSEWHERE


_SCHEMA = pa.schema([(f.name, _TYPES[f.type]) for f in fields(Row)])  # pyright: ignore[reportArgumentType]


def write(rows: Sequence[Row], path: Path) -> None:
    """Write a file whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows], _SCHEMA), unfinished)
    unfinished.replace(path)


def read(folder: Path) -> list[Row]:
    """Return every row, the oldest first."""
    rows = [Row(**row) for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: row.date)


def latest_rounds(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of each cell's and seed's latest round; rows of different rounds are never mixed."""
    rows = list(rows)
    latest = {(row.suite, row.cell, row.seed): row.round for row in sorted(rows, key=lambda row: row.date)}
    return [row for row in rows if latest[row.suite, row.cell, row.seed] == row.round]
