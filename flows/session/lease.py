"""One controller at a time: take over a campaign only if its last controller is gone, and show that this one lives.

The ledger guarantees safety: a lease is a segment, so a controller that lost its lease finds the next segment taken and
cannot append. This module decides which controller has to wait for which.
"""

import asyncio
import os
import re
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from overnight.campaign import History
from overnight.campaign.errors import CampaignHeld, LedgerError, LedgerMoved
from overnight.campaign.history.events import LeaseTaken
from overnight.evaluators.processes.supervisor import STOPPED, read_process
from overnight.flows.host.clock import Clock
from overnight.flows.host.identity import can_be_seen, process_started
from overnight.flows.host.stop import Stop, StopRequest
from overnight.flows.session.journal import Journal
from overnight.storage import Heartbeat

# The actor of a controller's events, which show the times at which a controller was at work.
CONTROLLER = "controller"
_SIGN = re.compile(r"epoch ([0-9]{1,18}), beat [0-9]{1,18}")
_LOOKS_PER_BEAT = 2
_GLANCE = 0.2


@dataclass(frozen=True)
class Rhythm:
    """The seconds between signs of life (`beat`) and between reads of events that people append (`hear`).

    After `silence` without a sign, another controller may take over. `hear` is infinite if no one else can append.
    """

    beat: float = 10.0
    silence: float = 60.0
    hear: float = 3.0


async def take_lease(
    journal: Journal,
    clock: Clock,
    rhythm: Rhythm,
    stop: StopRequest,
    notify: Callable[[str], None],
    sources: dict[str, str] | None = None,
) -> None:
    """Make this process the campaign's controller; `sources` are its evaluator's files.

    If the last controller cannot be seen from here, wait for a sign of life, and report that. Raises CampaignHeld if it
    is alive, or if asked to stop while waiting.
    """
    gone: LeaseTaken | None = None
    while journal.lease is None or journal.lease != journal.history.lease:
        holder = _open_lease(journal.history)
        if holder is not None and holder != gone:
            await _wait_until_gone(holder, journal, rhythm, stop, notify)
            gone = holder
            continue
        lease = _lease(journal.history, clock).model_copy(update={"sources": sources or None})
        # If the ledger moved, another waiting controller or only a person has appended: look again.
        with suppress(LedgerMoved):
            await journal.append([lease])
            journal.lease = lease
    if journal.ledger.heartbeat is not None:
        await journal.ledger.heartbeat.beat(_sign(journal.lease, 0))


async def show_life(journal: Journal, rhythm: Rhythm) -> None:
    """Keep giving signs of life; raises CampaignHeld when another controller has taken the lease."""
    lease, heartbeat, count = journal.lease, journal.ledger.heartbeat, 0
    assert lease is not None
    if heartbeat is None:
        await asyncio.Event().wait()
        return
    while True:
        await asyncio.sleep(rhythm.beat)
        count += 1
        # A store that does not respond now may do so later; if it responds to others, they may take over.
        with suppress(LedgerError):
            if _epoch(await heartbeat.last()) > lease.epoch:
                await journal.refresh()
                journal.check_lease(journal.history)
            await heartbeat.beat(_sign(lease, count))


def refuse_if_it_lives_here(history: History) -> None:
    """Raise CampaignHeld if the last controller is another process that can be seen alive from here, not stopped."""
    lease = _open_lease(history)
    if lease is not None and _lives_here(lease) and not _is_stopped(lease) and lease.pid != os.getpid():
        raise CampaignHeld(
            f"The campaign is held by {_who(lease)}. Wait for it, or end it with Ctrl-C (kill -INT {lease.pid}); then "
            "run this again."
        )


async def refuse_if_it_lives(
    journal: Journal, rhythm: Rhythm, stop: StopRequest, notify: Callable[[str], None]
) -> None:
    """Raise CampaignHeld if the last controller lives; if it cannot be seen from here, wait for a sign of life."""
    if (holder := _open_lease(journal.history)) is not None:
        await _wait_until_gone(holder, journal, rhythm, stop, notify)


def distant_holder(history: History) -> str | None:
    """Return a line on a holder that cannot be seen from here; None if there is no such holder."""
    lease = _open_lease(history)
    if lease is None or _is_here(lease):
        return None
    return f"held by {_who(lease)}, which cannot be seen from here; `overnight run` finds out whether it is alive"


def hangs_here(history: History) -> str | None:
    """Return a line on a stopped controller, with the remedies; None if it is not stopped or not seen from here."""
    lease = _open_lease(history)
    if lease is None or not _is_stopped(lease):
        return None
    return (
        f"its controller is stopped (by SIGSTOP or Ctrl-Z): {_who(lease)}. `kill -CONT {lease.pid}` wakes it; "
        f"`overnight run` ends it after {Rhythm().silence:g} s without a sign of life and takes over"
    )


def controller_notices(history: History) -> tuple[str, ...]:
    """Return the lines on a controller that cannot be seen from here, or that is stopped."""
    return tuple(line for line in (distant_holder(history), hangs_here(history)) if line is not None)


def controller_lives(history: History) -> bool:
    """Return whether the campaign's controller is alive; one that cannot be seen from here counts as alive."""
    lease = _open_lease(history)
    return lease is not None and (not _is_here(lease) or _lives_here(lease))


def is_own(lease: LeaseTaken | None) -> bool:
    """Return whether this process has taken the lease."""
    return lease is not None and lease.pid == os.getpid() and _lives_here(lease)


async def _wait_until_gone(
    holder: LeaseTaken, journal: Journal, rhythm: Rhythm, stop: StopRequest, notify: Callable[[str], None]
) -> None:
    refuse_if_it_lives_here(journal.history)
    heartbeat = journal.ledger.heartbeat
    if _is_stopped(holder) and heartbeat is not None:
        await _end_stopped(holder, heartbeat, journal, rhythm, stop, notify)
        return
    if _is_here(holder):
        return
    if heartbeat is None:
        raise CampaignHeld(
            f"The campaign is held by {_who(holder)}, and it cannot be seen from here whether that is alive."
        )
    notify(f"Held by {_who(holder)}: waiting {rhythm.silence:g} s for a sign of life …")
    lives = await gives_signs(heartbeat, rhythm, stop)
    await journal.refresh()
    if lives and _open_lease(journal.history) == holder:
        raise CampaignHeld(
            f"The campaign is held by {_who(holder)}, which is alive: it gave a sign of life just now. Wait for it, or "
            "end it there with Ctrl-C; then run this again."
        )


async def _end_stopped(
    holder: LeaseTaken,
    heartbeat: Heartbeat,
    journal: Journal,
    rhythm: Rhythm,
    stop: StopRequest,
    notify: Callable[[str], None],
) -> None:
    """End a controller that hangs: it stays stopped and gives no sign of life for `rhythm.silence` seconds."""
    notify(
        f"Held by {_who(holder)}, which is stopped (by SIGSTOP or Ctrl-Z): waiting {rhythm.silence:g} s for its "
        "sign of life. If none comes, it is ended, and its evaluations continue here …"
    )
    signs = asyncio.create_task(gives_signs(heartbeat, rhythm, stop))
    while not signs.done() and _is_stopped(holder):
        await asyncio.wait({signs}, timeout=min(_GLANCE, rhythm.beat))
    stopped = signs.done() and not signs.result() and _end_process(holder)
    signs.cancel()
    while stopped and _lives_here(holder):  # noqa: ASYNC110 - the end of a process that is not our child can only be polled
        await asyncio.sleep(_GLANCE)
    await journal.refresh()
    if _lives_here(holder) and _open_lease(journal.history) == holder:
        raise CampaignHeld(
            f"The campaign is held by {_who(holder)}, which was stopped, and now runs again "
            f"or cannot be ended by this user. Wait for it, or end it (kill -KILL {holder.pid}); then run this again."
        )


def _end_process(holder: LeaseTaken) -> bool:
    """Kill the process if it is still the same one and still stopped; return whether it was killed."""
    with suppress(ProcessLookupError, PermissionError):
        descriptor = os.pidfd_open(holder.pid)
        try:
            # Check again with the descriptor open: it cannot refer to a later process with the same number.
            if _is_stopped(holder):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                return True
        finally:
            os.close(descriptor)
    return False


async def gives_signs(heartbeat: Heartbeat, rhythm: Rhythm, stop: StopRequest) -> bool:
    """Return whether another sign of life comes within `rhythm.silence`, by this machine's own clock.

    Time in which the store does not respond does not count as silence: the store may not respond to the holder either.
    """
    before, passed, silent = await heartbeat.last(), asyncio.get_running_loop().time, 0.0
    while silent < rhythm.silence:
        began = passed()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(above=Stop.NO), rhythm.beat / _LOOKS_PER_BEAT)
            raise CampaignHeld("Asked to stop while waiting for the campaign's last controller; nothing was started.")
        looked = passed()
        if await heartbeat.last() != before:
            return True
        silent = silent + looked - began if passed() - looked < rhythm.beat else 0.0
    return False


def _open_lease(history: History) -> LeaseTaken | None:
    return history.lease if history.closed_by is None else None


def _lease(history: History, clock: Clock) -> LeaseTaken:
    epoch = 1 if history.lease is None else history.lease.epoch + 1
    host, pid = socket.gethostname(), os.getpid()
    started = process_started(pid)
    assert started is not None
    return LeaseTaken(time=clock.now(), actor=CONTROLLER, epoch=epoch, host=host, pid=pid, started=started)


def _who(lease: LeaseTaken) -> str:
    where = "this host" if _is_here(lease) else f"host {lease.host}"
    return f"process {lease.pid} on {where}, since {lease.time:%Y-%m-%d %H:%M:%S} UTC"


def _sign(lease: LeaseTaken, count: int) -> str:
    return f"epoch {lease.epoch}, beat {count}"


def _epoch(sign: str) -> int:
    found = _SIGN.fullmatch(sign)
    return 0 if found is None else int(found[1])


def _is_here(lease: LeaseTaken) -> bool:
    return can_be_seen(lease.started)


def _lives_here(lease: LeaseTaken) -> bool:
    return _is_here(lease) and process_started(lease.pid) == lease.started


def _is_stopped(lease: LeaseTaken) -> bool:
    """Return whether a controller on this machine exists but does not run, as after SIGSTOP or Ctrl-Z."""
    process = read_process(lease.pid) if _lives_here(lease) else None
    return process is not None and process.state == STOPPED
