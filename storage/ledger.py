"""The protocol of a ledger: events are appended in numbered segments and never change."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from overnight.campaign.history.events import Event


@dataclass(frozen=True)
class Segment:
    """The events of one append, under the number that it won; numbers start at 1."""

    number: int
    events: tuple[Event, ...]


class Heartbeat(Protocol):
    """A controller's sign of life next to the ledger; only waiting for another controller depends on it.

    Both methods raise LedgerError if the store does not answer or refuses.
    """

    async def beat(self, sign: str) -> None:
        """Replace the sign of life."""
        ...

    async def last(self) -> str:
        """Return the latest sign of life, empty before the first."""
        ...


class Ledger(Protocol):
    """An append-only sequence of segments that several processes may read and append to.

    Acknowledged means durable: once `append` has returned, the segment survives the death of the process and of the
    machine. A segment is complete or does not exist. Two appends never win the same number.
    """

    @property
    def heartbeat(self) -> Heartbeat | None:
        """Return the sign of life of the ledger's controller; None if only one process can see the ledger."""
        ...

    async def append(self, events: Sequence[Event], *, after: int) -> int:
        """Write the events as segment `after + 1` and return that number.

        Raises LedgerMoved and writes nothing if that segment exists already: read it and decide again.
        """
        ...

    async def read(self, *, after: int = 0) -> tuple[Segment, ...]:
        """Return the segments with numbers above `after`, in order and without a gap.

        Raises LedgerDamaged with the name of the file if one is missing, torn or foreign, and LedgerTooNew if a newer
        version of Overnight wrote it.
        """
        ...
