"""Lines of the GPU report: a finding each, and whether a demand is held."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.speed.results import Row
from benchmarks.speed.table import gpu_table, markdown

_TYPES = {str: pa.string(), bool | None: pa.bool_()}
_WORDS = {True: "pass", False: "FAIL", None: "—"}


@dataclass(frozen=True)
class Line:
    """One finding: the part that made it, its description, the value reached, and the value demanded, if any.

    `held` is None if nothing is demanded, or if it was not measured.
    """

    part: str
    what: str
    reached: str
    demanded: str = ""
    held: bool | None = None
    machine: str = ""
    command: str = ""
    commit: str = ""
    date: str = ""


_SCHEMA = pa.schema([(f.name, _TYPES[f.type]) for f in fields(Line)])  # pyright: ignore[reportArgumentType]


def at_most(part: str, what: str, found: float, limit: float) -> Line:
    """Return a line that is held if the number is at most the limit; NaN is not."""
    return Line(part, what, f"{found:.3g}", f"≤ {limit:g}", held=bool(found <= limit))


def write_lines(lines: Sequence[Line], path: Path) -> None:
    """Write a file as a whole, or not at all."""
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(pa.Table.from_pylist([asdict(line) for line in lines], _SCHEMA), unfinished)
    unfinished.replace(path)


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a file."""
    return [Line(**line) for line in pq.read_table(path).to_pylist()]


def report(lines: Sequence[Line], rows: Sequence[Row], estimate: str) -> str:
    """Return the whole report in Markdown: the summary, the ask times, and the estimate made before."""
    counts = Counter(_WORDS[line.held] for line in lines)
    body = [[line.part, line.what, line.demanded, line.reached, _WORDS[line.held]] for line in lines]
    table = markdown(["part", "what", "demanded", "reached", "result"], body)
    origins = sorted({f"- {line.machine}; commit {line.commit}; `{line.command}`" for line in lines if line.machine})
    summary = f"{counts['pass']} pass, {counts['FAIL']} fail, {counts['—']} without a demand or not measured."
    return "\n\n".join(
        [
            "# On a GPU",
            "\n".join(origins) or "No part has reported yet.",
            summary,
            table,
            "## Ask times",
            gpu_table(rows),
            "## Estimated before the run",
            estimate,
            "",
        ]
    )
