"""A mistake in a definition with its path in the file, and the text of values in messages."""

import difflib
import re
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel

Where = tuple[str | int, ...]
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80
_short.maxdict = _short.maxlist = _short.maxtuple = 4
# A message lists at most this many known keys, and with a suggestion none if there are more: they would hide it.
_MOST_LISTED = 12


@dataclass(frozen=True)
class Problem:
    """One mistake, and the path to it in the user's file."""

    where: Where
    text: str

    def below(self, *where: str | int) -> "Problem":
        """Return the problem with these elements put in front of its path."""
        return Problem((*where, *self.where), self.text)

    def __str__(self) -> str:
        path = ".".join(str(element) for element in self.where)
        return one_line(f"{path}: {self.text}" if path else self.text)


class Contradictory(ValueError):
    """Parts that are each valid but do not fit together; raised by validators."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


def one_line(text: str) -> str:
    """Return the text on a single line, with unprintable characters escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(text.split()))


def shown(value: Any) -> str:
    """Return a value as text for a message, shortened if it is long."""
    if value is None:
        return "nothing"
    if isinstance(value, BaseModel):
        # As it was written, so that a problem that is found twice reads the same.
        value = value.model_dump(exclude_unset=True)
    if isinstance(value, date):
        return f"the date {value.isoformat()} (in quotes it is text)"
    try:
        return _short.repr(value)
    except ValueError:  # a whole number with too many digits to print
        return f"an enormous {type(value).__name__}"


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return the message about a key that is not among the known ones."""
    known = list(known)
    suggestion, more = did_you_mean(key, known), len(known) - _MOST_LISTED
    if more > 0 and suggestion:
        return f"{unlisted_key(key)}{suggestion}"
    others = f" and {more} other{'s' if more > 1 else ''}" if more > 0 else ""
    listed = known[0] if len(known) == 1 else f"one of {', '.join(known[:_MOST_LISTED])}{others}"
    return f"expected {listed}, got the unknown key `{key}`{suggestion}"


def unlisted_key(key: str) -> str:
    """Return the message about an unknown key without the known ones."""
    return f"expected a known key, got the unknown key `{key}`"


def meant_by(text: str) -> str | None:
    """Return the key that a message about an unknown key suggests; None for any other message."""
    found = re.search(r"got the unknown key `.*`; did you mean `(.+)`\?$", text)
    return None if found is None else found[1]


def misspelling_of(key: str, names: Iterable[Any]) -> str | None:
    """Return the first of these names that is close to a key; None if none is."""
    return next((name for name in names if isinstance(name, str) and difflib.get_close_matches(name, [key])), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that suggests the closest known name, or an empty text."""
    close = difflib.get_close_matches(name, list(known), n=3)
    # People rarely mistype a first letter: `params` is meant to be `parameters`, although `arms` is as close.
    close.sort(key=lambda known_name: known_name[:1] != name[:1])
    return f"; did you mean `{close[0]}`?" if close else ""
