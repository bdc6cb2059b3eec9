"""The meanings of words, as docs/glossary.md gives them."""

import re
from pathlib import Path

_PAGE = Path(__file__).parents[1] / "glossary.md"
_ROW = re.compile(r"^\| (?:`([^`]+)`|\*\*([^*]+)\*\*) \| (.+) \|$", re.MULTILINE)

KEYS, COLUMNS, EVENTS, COMMANDS = (
    "Keys of the campaign file",
    "Columns and fields of events",
    "Events",
    "Commands",
)


def rows(section: str) -> list[tuple[str, str]]:
    """Return the words of a section with their meanings, in the order of the page."""
    parts = _PAGE.read_text().split("\n## ")
    [text] = [part for part in parts if part.startswith(f"{section}\n")]
    return [(code or idea, meaning) for code, idea, meaning in _ROW.findall(text)]


def meanings(section: str) -> dict[str, str]:
    """Return the meaning of each word of a section."""
    return dict(rows(section))
