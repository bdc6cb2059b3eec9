"""Notice that a ledger was moved or deleted while it is watched: its reader would show the old history for ever."""

from overnight.campaign.errors import LedgerError
from overnight.flows.session.journal import Journal
from overnight.storage import ParquetLedger


def refuse_lost(ledger: ParquetLedger, journal: Journal, location: str) -> None:
    """Raise LedgerError if the newest segment that the journal has read is no longer there."""
    if ledger.chain.newest(max(journal.head - 1, 0)) < journal.head:
        raise LedgerError(
            f"{location}: expected the ledger as it was read before, found that its newest segments are gone. Was the "
            "ledger moved or deleted? Bring it back, or open the campaign again."
        )
