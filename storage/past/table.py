"""Past results from a CSV or Parquet file with a column for each parameter and metric."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from overnight.campaign import Campaign
from overnight.campaign.errors import CannotImport
from overnight.storage.past.results import PastResults, PastRow
from overnight.storage.past.table_columns import TableColumns

# The column in which `overnight export` writes the time at which a trial ended.
_ENDED = "ended"


def read_csv(file: Path, campaign: Campaign) -> PastResults:
    """Return the rows of a CSV file, with all values as texts; raises CannotImport for any other file."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            columns = _Columns.of(campaign, file, next(reader, []))
            rows = tuple(_csv_row(columns, line, values) for line, values in _numbered(reader) if values)
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise CannotImport(f"{file}: expected a CSV file in UTF-8 with a header, but: {problem}.") from None
    return columns.results(rows)


def read_parquet(file: Path, campaign: Campaign) -> PastResults:
    """Return the rows of a Parquet file; raises CannotImport for any other file."""
    try:
        parquet = pq.ParquetFile(file)
        columns = _Columns.of(campaign, file, parquet.schema_arrow.names)
        table = parquet.read(columns.used())
        # Python has no times with nanoseconds.
        times = {name: table[name].cast(pa.string()) for name in table.column_names if _is_time(table[name].type)}
        for name, texts in times.items():
            table = table.set_column(table.column_names.index(name), name, texts)
        found = table.to_pylist()
    except (OSError, pa.ArrowException, ValueError, OverflowError, LookupError) as problem:
        raise CannotImport(f"{file}: expected a Parquet file, but: {problem}") from None
    return columns.results(
        tuple(columns.row(f"row {row}", values, {"row": row}) for row, values in enumerate(found, start=1))
    )


def _is_time(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) and kind.unit == "ns"


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the records, each with the number of its first line."""
    first = reader.line_num + 1
    for values in reader:
        yield first, values
        first = reader.line_num + 1


def _csv_row(columns: "_Columns", line: int, values: Sequence[str]) -> PastRow:
    expected = len(columns.names)
    if len(values) != expected:
        return PastRow(f"line {line}", broken=f"expected {expected} values as in the header, found {len(values)}")
    return columns.row(f"line {line}", dict(zip(columns.names, values, strict=True)), {"line": line})


@dataclass(frozen=True)
class _Columns:
    """The columns of a file, by their use."""

    file: Path
    names: tuple[str, ...]
    parameters: Mapping[str, str]
    means: Mapping[str, str]
    sems: Mapping[str, str]
    counts: Mapping[str, str]

    @classmethod
    def of(cls, campaign: Campaign, file: Path, names: Sequence[str]) -> "_Columns":
        """Find the columns that the campaign can use; raises CannotImport if two columns have the same name."""
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise CannotImport(f"{file}: expected columns with different names, found `{twice[0]}` twice.")
        found = TableColumns.of(campaign, names)
        return cls(file, tuple(names), found.parameters, found.means, found.sems, found.counts)

    def used(self) -> list[str]:
        """Return the columns to read."""
        ended = [_ENDED] if _ENDED in self.names else []
        measured = [*self.means.values(), *self.sems.values(), *self.counts.values()]
        return list(dict.fromkeys([*self.parameters.values(), *measured, *ended]))

    def row(self, place: str, values: Mapping[str, Any], where: Mapping[str, int]) -> PastRow:
        """Return a row of the file; a column `ended` is the time of the result unless the campaign uses that name."""
        origin: dict[str, Any] = {"source": self.file.name, **where}
        if values.get(_ENDED) and _ENDED not in {*self.parameters.values(), *self.means.values()}:
            ended = values[_ENDED]
            origin[_ENDED] = ended.isoformat() if isinstance(ended, datetime) else str(ended)
        return PastRow(
            place,
            parameters=_picked(values, self.parameters),
            means=_picked(values, self.means),
            sems=_picked(values, self.sems),
            counts=_picked(values, self.counts),
            origin=origin,
        )

    def results(self, rows: tuple[PastRow, ...]) -> PastResults:
        """Return the rows together with the names of the file's columns."""
        unused = tuple(name for name in self.names if name not in self.used())
        return PastResults(str(self.file), rows, names=self.names, unused=unused)


def _picked(values: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """Return values by the campaign's names; decimal fractions, which SQL often writes, become floats."""
    found = {name: values[column] for name, column in columns.items()}
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in found.items()}
