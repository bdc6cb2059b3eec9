"""A ledger in the memory of one process, for tests and simulations."""

from collections.abc import Sequence

from overnight.campaign.errors import LedgerError, LedgerMoved
from overnight.campaign.history.events import Event
from overnight.storage.ledger import Segment


class MemoryLedger:
    """A Ledger in a list."""

    heartbeat = None

    def __init__(self) -> None:
        self._segments: list[Segment] = []

    async def append(self, events: Sequence[Event], *, after: int) -> int:
        """Store the events as segment `after + 1` and return that number."""
        head = len(self._segments)
        if after < head:
            raise LedgerMoved(f"ledger in memory: segment {after + 1} exists; read the new events and decide again")
        if after > head:
            raise LedgerError(f"ledger in memory: expected to append after segment {head}, got {after}")
        self._segments.append(Segment(number=head + 1, events=tuple(events)))
        return head + 1

    async def read(self, *, after: int = 0) -> tuple[Segment, ...]:
        """Return the segments with numbers above `after`."""
        return tuple(self._segments[after:])
