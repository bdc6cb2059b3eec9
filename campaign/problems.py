"""A mistake in a definition: its path in the file, and the words for values in messages."""

import difflib
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

Where = tuple[str | int, ...]
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80
_short.maxdict = _short.maxlist = _short.maxtuple = 4


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and the path to it in the user's file."""

    where: Where
    text: str

    def __str__(self) -> str:
        path = ".".join(str(element) for element in self.where)
        return one_line(f"{path}: {self.text}" if path else self.text)


def one_line(text: str) -> str:
    """Return the text on a single line, with what cannot be printed escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(text.split()))


def shown(value: Any) -> str:
    """Return a value as it is named in a message, shortened if it is long."""
    if value is None:
        return "nothing"
    if isinstance(value, date):
        return f"the date {value.isoformat()} (in quotes it is text)"
    try:
        return _short.repr(value)
    except ValueError:  # a whole number with too many digits to print
        return f"an enormous {type(value).__name__}"


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return what to say of a key that is not among the known ones."""
    known = list(known)
    close = difflib.get_close_matches(key, known, n=1)
    question = f"; did you mean `{close[0]}`?" if close else ""
    return f"expected one of {', '.join(known)}, got the unknown key `{key}`{question}"
