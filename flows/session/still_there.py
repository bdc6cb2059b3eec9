"""Notice that a ledger was moved, deleted or replaced while it is watched: its reader would show the old history."""

from overnight.campaign.errors import LedgerError
from overnight.flows.session.journal import Journal
from overnight.storage import ParquetLedger


def refuse_lost(ledger: ParquetLedger, journal: Journal, location: str) -> None:
    """Raise LedgerError unless the newest segment that the journal has read is still there, with the same bytes."""
    if not journal.head:
        return
    there = ledger.chain.there(journal.head)
    if there == ledger.hash_of(journal.head):
        return
    found = (
        "that its newest segments are gone. Was the ledger moved or deleted? Bring it back, or open the campaign again"
        if there is None
        else "other segments in their place. Was the campaign begun again? Open it again"
    )
    raise LedgerError(f"{location}: expected the ledger as it was read before, found {found}.")
