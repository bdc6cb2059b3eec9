"""The events and the damage of a ledger, as tests check them."""

from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import Event
from overnight.storage import Ledger, ParquetLedger, verify


async def events_of(ledger: Ledger) -> list[Event]:
    """Return all events, in the ledger's order."""
    return [event for segment in await ledger.read() for event in segment.events]


def damage_of(ledger: ParquetLedger) -> str:
    """Return the problem with the ledger's chain, or an empty text if the chain is whole."""
    try:
        verify(ledger)
    except LedgerError as problem:
        return str(problem)
    return ""
