"""`overnight status`: how a campaign stands, in a few lines."""

import socket
from pathlib import Path

from rich.console import Console

from flows.commands.past import read_past
from flows.lease import process_started
from flows.live import status_lines
from storage import ledger_location


def status(path: Path) -> None:
    """Print counts, the best so far and the time left."""
    file, history = read_past(path)
    console = Console(highlight=False)
    lease = history.lease
    alive = lease is not None and (lease.host != socket.gethostname() or process_started(lease.pid) == lease.started)
    for line in status_lines(history, alive=alive):
        console.print(line, soft_wrap=True)
    console.print(f"ledger: {ledger_location(file.ledger, file.campaign.name, Path())}", soft_wrap=True)
