"""Past results as they were read from any source, before any check."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PastRow:
    """One result, by the names of the campaign's parameters and metrics; a text may spell a value of another type.

    `place` says where in its source it stands, for a person; `origin` says so for whoever has only the ledger, with the
    time where that is known. `broken` says what was expected and found where the row itself cannot be read.
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
    """All results of one source, which `source` names for a person.

    `names` are what the source has values for, by its own names, `unused` those among them that the campaign does not
    know. `left_out` counts what is no result, by why.
    """

    source: str
    rows: tuple[PastRow, ...]
    names: tuple[str, ...]
    unused: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
