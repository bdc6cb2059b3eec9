"""One controller at a time: taking a campaign over only when its last controller is gone."""

import os
import socket
from contextlib import suppress
from pathlib import Path

from campaign import History
from campaign.errors import CampaignHeld, LedgerMoved
from campaign.events import LeaseTaken
from flows.clock import Clock
from flows.journal import Journal


async def take_lease(journal: Journal, clock: Clock) -> None:
    """Make this process the campaign's controller.

    Raises CampaignHeld while the last one lives, or where that cannot be known because it ran on another host.
    """
    while journal.lease is None or journal.lease != journal.history.lease:
        check_that_the_last_is_gone(journal.history)
        lease = _lease(journal.history, clock)
        with suppress(LedgerMoved):
            await journal.append([lease])
            journal.lease = lease


def _lease(history: History, clock: Clock) -> LeaseTaken:
    epoch = 1 if history.lease is None else history.lease.epoch + 1
    started = process_started(os.getpid())
    assert started is not None
    host, pid = socket.gethostname(), os.getpid()
    return LeaseTaken(time=clock.now(), actor="controller", epoch=epoch, host=host, pid=pid, started=started)


def check_that_the_last_is_gone(history: History) -> None:
    """Raise CampaignHeld unless the last controller is known to be gone."""
    lease = history.lease
    if lease is None or history.closed_by is not None:
        return
    since = f"since {lease.time:%Y-%m-%d %H:%M:%S} UTC"
    if lease.host != socket.gethostname():
        raise CampaignHeld(
            f"The campaign is held by process {lease.pid} on host {lease.host}, {since}, and whether that is still "
            "alive cannot be known from here. Resume it there, or end that process with Ctrl-C first."
        )
    itself = lease.pid == os.getpid()
    if not itself and process_started(lease.pid) == lease.started:
        raise CampaignHeld(
            f"The campaign is held by process {lease.pid} on this host, {since}. Wait for it, or end it with "
            f"Ctrl-C (kill -INT {lease.pid}); then run this again."
        )


def controller_lives(history: History) -> bool:
    """Tell whether the campaign's controller is alive, as far as that can be known from this host."""
    lease = history.lease
    if lease is None or history.closed_by is not None:
        return False
    return lease.host != socket.gethostname() or process_started(lease.pid) == lease.started


def process_started(pid: int) -> str | None:
    """Return what tells a process from a later one with the same pid: boot id and start ticks; None if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"
