"""The reference of the `overnight` command, from typer."""

import html
import re

import typer
from typer.cli import get_docs_for_click

from overnight.flows.cli import app


def page() -> str:
    """Return the page."""
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="overnight", title="The command line")
    return re.sub(r"\n{3,}", "\n\n", html.unescape(text)).replace("<", "&lt;")
