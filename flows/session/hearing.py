"""Read the events that people append to the ledger while a controller waits."""

import asyncio
import math
from contextlib import suppress

from overnight.campaign import History
from overnight.campaign.errors import LedgerError
from overnight.flows.host.stop import Stop
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import Rhythm


async def watch_for_requests(journal: Journal, rhythm: Rhythm, heard: asyncio.Event) -> None:
    """Keep reading events that others append, and set `heard` whenever there are new ones."""
    if math.isinf(rhythm.hear):
        # Set no timer at all: simulated time, which jumps from one timer to the next, must not find one here.
        await asyncio.Event().wait()
    while True:
        await asyncio.sleep(rhythm.hear)
        before = journal.events_seen
        # A store that does not respond now may do so later; damage is reported at the next append.
        with suppress(LedgerError):
            await journal.refresh()
        if journal.events_seen != before:
            heard.set()


def level_asked(history: History) -> Stop:
    """Return how urgently people have asked the current controller to stop."""
    asked = history.asked_to_stop
    return Stop.NO if asked is None else Stop.NOW if asked.at_once else Stop.DRAIN
