"""Append a person's request without a lease; the controller reads it from the ledger."""

import getpass
import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime

from overnight.campaign import History
from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import Event
from overnight.flows.host.clock import SystemClock
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import controller_lives
from overnight.flows.session.newest_receipt import ReceiptsFile, check_newest_receipt
from overnight.storage import ParquetLedger

# Takes the history, the person and the time; returns the events to append, or raises Refused.
Request = Callable[[History, str, datetime], Sequence[Event]]


def user_at_host() -> str:
    """Return the user who runs this process, as user@host."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


async def append(
    ledger: ParquetLedger, receipts: ReceiptsFile | None, who: str, request: Request, nothing: str
) -> History:
    """Append a person's request, and return the history that includes it.

    Raises LedgerError with the text `nothing` if the ledger is empty, LedgerDamaged if it does not agree with its
    newest receipt, and the errors of the request.
    """
    journal = Journal(ledger)

    def decide(history: History) -> Sequence[Event]:
        if history.defined is None:
            raise LedgerError(nothing)
        return request(history, who, SystemClock().now())

    await check_newest_receipt(ledger, receipts)
    await journal.refresh()
    await journal.insist(decide)
    return journal.history


def heard_text(history: History, run: str) -> str:
    """Return when a controller will act on a request; `run` is the command that starts one."""
    lease = history.lease
    if lease is not None and controller_lives(history):
        return f"process {lease.pid} on {lease.host} reads it within seconds"
    return f"no controller runs here now; the next one reads it: {run}"
