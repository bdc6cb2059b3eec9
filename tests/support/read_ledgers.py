"""What tests read from a ledger when something has happened to it."""

from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import Event
from overnight.storage import Ledger, ParquetLedger, verify


async def events_of(ledger: Ledger) -> list[Event]:
    """Return all that was appended, in the ledger's order."""
    return [event for segment in await ledger.read() for event in segment.events]


def damage_of(ledger: ParquetLedger) -> str:
    """Return what is wrong with its chain; nothing where it is whole."""
    try:
        verify(ledger)
    except LedgerError as problem:
        return str(problem)
    return ""
