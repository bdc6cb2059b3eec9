"""`overnight query` and `overnight export`: a ledger for SQL, for spreadsheets and for data frames."""

import csv
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.campaign_file import load_campaign_file
from report.tables import Cell, to_json
from storage import ParquetLedger, open_ledger
from storage.sql import Answer, export_trials, query


def print_answer(sql: str, path: Path, form: str) -> None:
    """Print what the SQL says about a campaign's ledger."""
    answer = query(_ledger(path), sql)
    match form:
        case "csv":
            lines = csv.writer(sys.stdout, lineterminator="\n")
            lines.writerow(answer.columns)
            lines.writerows([_in_csv(_cell(value)) for value in row] for row in answer.rows)
        case "json":
            rows = [dict(zip(_distinct(answer.columns), map(_cell, row), strict=True)) for row in answer.rows]
            sys.stdout.write(to_json(rows))
        case _:
            Console().print(_table(answer))


def export(path: Path, output: Path) -> None:
    """Write a campaign's trials to one file."""
    export_trials(_ledger(path), output)
    Console(highlight=False, markup=False).print(f"trials: {output}", soft_wrap=True)


def _ledger(path: Path) -> ParquetLedger:
    file = load_campaign_file(path)
    return open_ledger(file.ledger, file.campaign.name, Path())


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names, numbered where the answer has one twice."""
    seen = Counter[str]()
    distinct = []
    for name in names:
        distinct.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return distinct


def _in_csv(value: Cell) -> Cell:
    return str(value).lower() if isinstance(value, bool) else value


def _cell(value: Any) -> Cell:
    """Return what JSON and CSV can say: a time in its ISO form, and what has parts as JSON."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(_with_text_keys(value), default=str) if isinstance(value, list | dict | tuple) else str(value)


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _with_text_keys(inner) for key, inner in value.items()}
    return [_with_text_keys(inner) for inner in value] if isinstance(value, list | tuple) else value


def _table(answer: Answer) -> Table:
    table = Table(header_style="bold", padding=(0, 1))
    for name in answer.columns:
        table.add_column(Text(name))
    for row in answer.rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    return table
