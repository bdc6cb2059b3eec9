"""The reference of the `overnight` command, from typer."""

import html
import re

import typer
from typer.cli import get_docs_for_click

from generated.glossary import COMMANDS, meanings
from overnight.flows.cli import app

_ENTRY = re.compile(r"^\* `([a-z][a-z-]*)`: .*$", re.MULTILINE)


def page() -> str:
    """Return the page."""
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="overnight", title="The command line")
    # Typer cuts the entries of its list of commands short.
    return _ENTRY.sub(_linked, html.unescape(text))


def _linked(entry: re.Match[str]) -> str:
    return f"* [`{entry[1]}`](#overnight-{entry[1]}): {meanings(COMMANDS)[entry[1]]}"
