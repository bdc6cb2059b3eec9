"""Tables and prose in Markdown."""

import re
from collections.abc import Iterable, Sequence

# A docstring is plain text; these would be read as tags.
_TAG = re.compile(r"<(?=\w)")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; each cell becomes one line."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def prose(text: str | None) -> str:
    """Return a docstring as Markdown."""
    return _TAG.sub("&lt;", text or "")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
