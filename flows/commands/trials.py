"""`overnight trials`: every trial as a table, JSON or CSV."""

from pathlib import Path

from report.tables import to_csv, to_json, trial_rows
from rich.console import Console
from rich.table import Table

from flows.commands.past import read_past


def trials(path: Path, form: str) -> None:
    """Print the trials of a campaign."""
    _, history = read_past(path)
    rows = trial_rows(history)
    if form == "table":
        Console().print(_table(rows))
    else:
        print((to_json if form == "json" else to_csv)(rows), end="")  # noqa: T201


def _table(rows: list[dict[str, object]]) -> Table:
    table = Table(header_style="bold")
    columns = [name for name in (rows[0] if rows else {}) if any(row[name] is not None for row in rows)]
    for name in columns:
        numeric = all(isinstance(row[name], int | float | None) for row in rows)
        table.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in columns))
    return table


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)
