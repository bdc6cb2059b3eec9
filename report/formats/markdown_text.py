"""Foreign text that stays text in Markdown, and tables."""

import re
from collections.abc import Iterable, Iterator, Sequence

from overnight.campaign.values.harmless import harmless

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~!$])")
# Not all dialects of Markdown know a backslash before these, but all know HTML's names for them.
_OF_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# At the beginning of a line these make lists and rules.
_BEGINNING = re.compile(r"^([-+](?=\s|$)|-(?=-)|=|\d+(?=[.)](?:\s|$)))")
# GitHub would make mentions, links to issues, addresses and emojis of these; an empty comment is not shown.
_JOINT = re.compile(
    r"(?<=@)(?=\w)|(?<=#)(?=\d)|(?<=GH-)(?=\d)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=:)(?=(?:[\w+-]|\\_)+:)", re.IGNORECASE
)


def plain(text: str) -> str:
    """Return the text on one line, escaped so that Markdown shows it literally."""
    escaped = _SPECIAL.sub(r"\\\1", " ".join(harmless(text).split()))
    for character, name in _OF_HTML.items():
        escaped = escaped.replace(character, name)
    return _JOINT.sub("<!-- -->", _BEGINNING.sub(_escaped_beginning, escaped))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, with an empty line after it."""
    yield _row(map(plain, headings))
    yield _row("---" for _ in headings)
    for row in rows:
        yield _row(map(plain, row))
    yield ""


def bullets(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a list, with an empty line after it."""
    for line in lines:
        yield f"- {plain(line)}"
    yield ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped_beginning(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"
