"""Append a person's request without a lease; the controller reads it from the ledger."""

import asyncio
import getpass
import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from overnight.campaign import History
from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import Event
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file
from overnight.flows.definition.receipts import receipts_of
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.terminal import terminal
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import controller_lives
from overnight.flows.session.newest_receipt import check_newest_receipt
from overnight.storage import ledger_location, open_ledger

# Takes the history, the person and the time; returns the events to append, or raises Refused.
Request = Callable[[History, str, datetime], Sequence[Event]]


def user_at_host() -> str:
    """Return the user who calls this command, as user@host."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def append_request(path: Path, request: Request) -> History:
    """Append a person's request to the ledger of this campaign file, and return the history that includes it.

    Raises LedgerError if the ledger is empty, and the errors of the request.
    """
    return append_to(load_campaign_file(path), path, request)


def append_to(file: CampaignFile, path: Path, request: Request) -> History:
    """Append a person's request to the ledger of a campaign file that has already been read."""
    name = file.campaign.name
    ledger = open_ledger(file.ledger, name, Path())
    journal = Journal(ledger)

    def decide(history: History) -> Sequence[Event]:
        if history.defined is None:
            where = ledger_location(file.ledger, name, Path())
            raise LedgerError(
                f"{where}: expected the ledger of campaign `{name}`, found nothing. Run it first: overnight run {path}"
            )
        return request(history, user_at_host(), SystemClock().now())

    async def write() -> None:
        await check_newest_receipt(ledger, receipts_of(file))
        await journal.refresh()
        await journal.insist(decide)

    asyncio.run(write())
    return journal.history


def say_written(history: History, what: str, path: Path) -> None:
    """Print what was written, and when a controller will act on it."""
    lease = history.lease
    if lease is not None and controller_lives(history):
        heard = f"process {lease.pid} on {lease.host} reads it within seconds"
    else:
        heard = f"no controller runs here now; the next one reads it: overnight run {path}"
    terminal().print(f"{history.definition.name}: {what}; {heard}", soft_wrap=True)
