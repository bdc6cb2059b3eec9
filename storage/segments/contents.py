"""A hash of all events so far, by which copies are checked without opening every segment.

Each segment's file records the hash of all events up to its own, and the chain of files vouches for it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Contents:
    """The hash of the bodies of all events from segment `since` on, in their order; `since` is 1 in new ledgers."""

    since: int
    hash: str

    @classmethod
    def read(cls, text: str) -> "Contents":
        """Parse the text that `str` writes; raises ValueError for any other text."""
        since, separator, found = text.partition(":")
        if not separator or not since.isdecimal():
            raise ValueError(f"it records the contents {text!r}")
        return cls(int(since), found)

    def __str__(self) -> str:
        return f"{self.since}:{self.hash}"


def contents_after(before: Contents | None, segment: int, bodies: Sequence[str]) -> Contents:
    """Return the contents up to this segment from those up to the segment before it; None starts with this segment."""
    since, known = (segment, "") if before is None else (before.since, before.hash)
    # A body contains no line break, because JSON escapes it.
    text = "\n".join((known, f"{segment} {len(bodies)}", *bodies))
    return Contents(since, hashlib.sha256(text.encode()).hexdigest())
