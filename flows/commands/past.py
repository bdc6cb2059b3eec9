"""Reading what a campaign has written, for the commands that only look."""

import asyncio
from pathlib import Path

from campaign import History
from campaign.errors import LedgerError
from flows.campaign_file import CampaignFile, load_campaign_file
from storage import ledger_location, open_ledger


def read_past(path: Path) -> tuple[CampaignFile, History]:
    """Return a campaign's file and its history; raises LedgerError where nothing was written yet."""
    file = load_campaign_file(path)
    name = file.campaign.name
    segments = asyncio.run(open_ledger(file.ledger, name, Path()).read())
    history = History.from_events(event for segment in segments for event in segment.events)
    if history.defined is None:
        where = ledger_location(file.ledger, name, Path())
        raise LedgerError(
            f"{where}: expected the ledger of campaign `{name}`, found nothing. Run it first: overnight run {path}"
        )
    return file, history
