"""Append a person's request to the ledger that a campaign file names."""

import asyncio
from pathlib import Path

from overnight.campaign import History
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file
from overnight.flows.definition.receipts import receipts_of
from overnight.flows.host.terminal import terminal
from overnight.flows.people.appending import Request, append, heard_text, user_at_host
from overnight.storage import ledger_location, open_ledger


def append_request(path: Path, request: Request) -> History:
    """Append a person's request to the ledger of this campaign file, and return the history that includes it.

    Raises LedgerError if the ledger is empty, and the errors of the request.
    """
    return append_to(load_campaign_file(path), path, request)


def append_to(file: CampaignFile, path: Path, request: Request) -> History:
    """Append a person's request to the ledger of a campaign file that has already been read."""
    name = file.campaign.name
    nothing = (
        f"{ledger_location(file.ledger, name, Path())}: expected the ledger of campaign `{name}`, found nothing. Run "
        f"it first: overnight run {path}"
    )
    ledger = open_ledger(file.ledger, name, Path())
    return asyncio.run(append(ledger, receipts_of(file), user_at_host(), request, nothing))


def say_written(history: History, what: str, path: Path) -> None:
    """Print what was written, and when a controller will act on it."""
    heard = heard_text(history, f"overnight run {path}")
    terminal().print(f"{history.definition.name}: {what}; {heard}", soft_wrap=True)
