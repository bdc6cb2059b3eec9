"""Read a campaign's history up to a given event."""

from pathlib import Path

from overnight.campaign import History
from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import Event
from overnight.flows.proposing.messages import LedgerPlace
from overnight.storage import open_ledger


class LedgerReader:
    """Reads a growing ledger and folds only as many events as are asked for; later events are kept unfolded."""

    def __init__(self, place: LedgerPlace) -> None:
        self.place = place
        self._ledger = open_ledger(place.url, place.campaign, Path())
        self._start_again()

    async def history_after(self, count: int) -> History:
        """Return the history of the first `count` events; raises LedgerError if the ledger holds fewer."""
        if count < self._folded:
            self._start_again()
        if count > self._folded + len(self._unfolded):
            for segment in await self._ledger.read(after=self._head):
                self._head = segment.number
                self._unfolded += segment.events
        missing = count - self._folded
        if missing > len(self._unfolded):
            raise LedgerError(
                f"ledger `{self.place.url}`: expected {count} events of campaign `{self.place.campaign}`, found "
                f"{self._folded + len(self._unfolded)}. Check that the proposer reads the controller's ledger."
            )
        self._history = self._history.extended(self._unfolded[:missing])
        self._unfolded, self._folded = self._unfolded[missing:], count
        return self._history

    def _start_again(self) -> None:
        self._head = self._folded = 0
        self._history = History()
        self._unfolded: list[Event] = []
