"""`overnight query` and `overnight export`: a ledger for SQL, for spreadsheets and for data frames."""

import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.text import Text

from overnight.campaign.values.harmless import harmless
from overnight.campaign.values.spelling import yaml_text
from overnight.flows.commands.read.kept import kept_at
from overnight.flows.commands.read.layout import Sheet
from overnight.flows.host.terminal import terminal
from overnight.report.tables import Cell, csv_of, to_json
from overnight.storage.sql import Answer, export_trials, query


def print_answer(sql: str, path: Path, form: str) -> None:
    """Print the answer to an SQL query on a campaign's ledger."""
    answer = query(kept_at(path).ledger, sql)
    match form:
        case "csv":
            sys.stdout.write(csv_of(answer.columns, ([_cell(value) for value in row] for row in answer.rows)))
        case "json":
            rows = [dict(zip(_distinct(answer.columns), map(_cell, row), strict=True)) for row in answer.rows]
            sys.stdout.write(to_json(rows))
        case _:
            _print_table(answer)


def export(path: Path, output: Path) -> None:
    """Write a campaign's trials to one file."""
    export_trials(kept_at(path).ledger, output)
    terminal().print(f"trials: {output}", soft_wrap=True)


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names, with a number added to each repetition."""
    seen = Counter[str]()
    distinct = []
    for name in names:
        distinct.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return distinct


def _cell(value: Any) -> Cell:
    """Return a value that JSON and CSV can hold: a time in ISO form, a nested value as JSON text."""
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


def _print_table(answer: Answer) -> None:
    """Print a grid, or a block for each row if the terminal is too narrow for one."""
    console = terminal()
    rows = [[Text("" if value is None else harmless(yaml_text(value))) for value in row] for row in answer.rows]
    texts = {i for row in answer.rows for i, value in enumerate(row) if isinstance(value, str | list | dict | tuple)}
    sheet = Sheet(answer.columns, rows, folded=texts)
    if sheet.fits(console.width) or not answer.columns:
        console.print(sheet.grid(console.width))
        return
    for line in sheet.blocks(console):
        console.print(line, soft_wrap=True)
    console.print("For a table, select fewer columns; for programs: --format csv or json.", soft_wrap=True)
