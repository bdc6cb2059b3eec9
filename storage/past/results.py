"""Past results as read from any source, before any check."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PastRow:
    """One result under the names of the campaign's parameters and metrics; a text may spell a value of another type.

    `place` is the place in its source, for messages. `origin` is the same for the ledger, with the file, and with the
    time if it is known. `broken` is the problem if the row itself cannot be read.
    """

    place: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    means: Mapping[str, Any] = field(default_factory=dict)
    sems: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    broken: str = ""


@dataclass(frozen=True)
class PastResults:
    """All results of one source, which `source` names for messages.

    `names` are the source's own names of its values. `unused` names the values that are not used, such as those that
    the campaign does not know. `left_out` counts the entries that are not results, by reason.
    """

    source: str
    rows: tuple[PastRow, ...]
    names: tuple[str, ...]
    unused: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
