"""`overnight query` and `overnight export`: a ledger for SQL, for spreadsheets and for data frames."""

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from flows.campaign_file import load_campaign_file
from report.tables import Cell, to_csv, to_json
from storage import open_ledger
from storage.sql import Answer, export_trials, query


def print_answer(sql: str, path: Path, form: str) -> None:
    """Print what the SQL says about a campaign's ledger."""
    file = load_campaign_file(path)
    answer = query(open_ledger(file.ledger, file.campaign.name, Path()), sql)
    if form == "table":
        Console().print(_table(answer))
    else:
        rows = [dict(zip(answer.columns, map(_cell, row), strict=True)) for row in answer.rows]
        print((to_json if form == "json" else to_csv)(rows), end="")  # noqa: T201


def export(path: Path, output: Path) -> None:
    """Write a campaign's trials to one file."""
    file = load_campaign_file(path)
    export_trials(open_ledger(file.ledger, file.campaign.name, Path()), output)
    Console(highlight=False, markup=False).print(f"trials: {output}", soft_wrap=True)


def _cell(value: Any) -> Cell:
    """Return what JSON and CSV can say: a time in its ISO form, and what has parts as JSON."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, default=str) if isinstance(value, list | dict | tuple) else str(value)


def _table(answer: Answer) -> Table:
    table = Table(*answer.columns, header_style="bold", padding=(0, 1))
    for row in answer.rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    return table
