"""Read what people append to the ledger while a controller waits."""

import asyncio
import math
from contextlib import suppress

from overnight.campaign import History
from overnight.campaign.errors import LedgerError
from overnight.flows.host.stop import Stop
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import Rhythm


async def hear_people(journal: Journal, rhythm: Rhythm, heard: asyncio.Event) -> None:
    """Read what others have appended, for ever, and set `heard` whenever there was something."""
    if math.isinf(rhythm.hear):
        # No timer at all, so that time which jumps from one to the next has none to jump to.
        await asyncio.Event().wait()
    while True:
        await asyncio.sleep(rhythm.hear)
        before = journal.events_seen
        # A store that does not answer now may do so later; what is damaged is told of at the next append.
        with suppress(LedgerError):
            await journal.refresh()
        if journal.events_seen != before:
            heard.set()


def level_asked(history: History) -> Stop:
    """Return how urgently people have asked the present controller to stop."""
    asked = history.asked_to_stop
    return Stop.NO if asked is None else Stop.NOW if asked.at_once else Stop.DRAIN
