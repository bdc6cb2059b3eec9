"""The ledger as one controller sees it: what it has read, folded, and where the next append goes."""

from collections.abc import Callable, Sequence

from campaign import History
from campaign.errors import CampaignHeld, LedgerMoved
from campaign.events import Event, LeaseTaken, TrialProposed
from storage import Ledger


class Journal:
    """A ledger and the history folded from it; everything that is appended is folded, too."""

    def __init__(self, ledger: Ledger, watch: Callable[[History], None] = lambda history: None) -> None:
        self.ledger = ledger
        self.watch = watch
        self.history = History()
        self.head = 0
        self.events_seen = 0
        self.lease: LeaseTaken | None = None

    async def refresh(self) -> list[Event]:
        """Read and fold what others have appended since, and return it."""
        segments = await self.ledger.read(after=self.head)
        events = [event for segment in segments for event in segment.events]
        if segments:
            self.head = segments[-1].number
            self._fold(events)
        return events

    async def append(self, events: Sequence[Event]) -> None:
        """Append where nobody else has; raise LedgerMoved, with what is new folded, where somebody has."""
        try:
            self.head = await self.ledger.append(events, after=self.head)
        except LedgerMoved:
            await self.refresh()
            raise
        self._fold(events)

    async def insist(self, events: Sequence[Event]) -> None:
        """Append as the holder of the lease, after whatever others append meanwhile.

        Raises CampaignHeld if another controller has taken over, LedgerMoved if one of the trials that
        these events propose has been proposed by somebody else.
        """
        while True:
            self._check_that_nothing_contradicts(events)
            try:
                return await self.append(events)
            except LedgerMoved:
                continue

    def _check_that_nothing_contradicts(self, events: Sequence[Event]) -> None:
        lease = self.history.lease
        if lease is not None and lease != self.lease:
            raise CampaignHeld(
                f"Another controller took over this campaign: process {lease.pid} on {lease.host}, at "
                f"{lease.time:%Y-%m-%d %H:%M:%S} UTC. This one stops; nothing is lost."
            )
        for event in events:
            if isinstance(event, TrialProposed) and event.trial in self.history.trials:
                raise LedgerMoved(f"Trial {event.trial} has been proposed by somebody else meanwhile.")

    def _fold(self, events: Sequence[Event]) -> None:
        self.history = self.history.extended(events)
        self.events_seen += len(events)
        self.watch(self.history)
