"""The protocol of a ledger: events are appended in numbered segments and never change."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from overnight.campaign.history.events import Event


@dataclass(frozen=True)
class Segment:
    """The events of one append, under the number that the append won; numbers start at 1."""

    number: int
    events: tuple[Event, ...]


class Heartbeat(Protocol):
    """A sign of life of whoever acts for a campaign, beside its ledger: only who waits for whom depends on it.

    Both raise LedgerError where the place does not answer or refuses.
    """

    async def beat(self, sign: str) -> None:
        """Leave the sign in the place of the one before."""
        ...

    async def last(self) -> str:
        """Return the newest sign; empty if there has been none."""
        ...


class Ledger(Protocol):
    """An append-only row of segments that several processes may read and append to.

    Acknowledged means durable: once `append` has returned, neither the death of the process nor of the machine
    loses the segment. A segment is there whole or not at all. Two appends never win the same number.
    """

    @property
    def heartbeat(self) -> Heartbeat | None:
        """Return where its controller gives signs of life; None where only one process can see it."""
        ...

    async def append(self, events: Sequence[Event], *, after: int) -> int:
        """Write the events as segment `after + 1` and return that number.

        Raises LedgerMoved, with nothing written, if that segment exists already: read it and decide again.
        """
        ...

    async def read(self, *, after: int = 0) -> tuple[Segment, ...]:
        """Return the segments with numbers above `after`, in order and without a gap.

        Raises LedgerDamaged naming the file if one is missing, torn or foreign, LedgerTooNew if a newer version of
        Overnight wrote it.
        """
        ...
