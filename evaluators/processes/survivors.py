"""Find processes of an attempt that still run, and end those without a working supervisor."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from overnight.evaluators.processes.attempt_folder import AttemptFolder
from overnight.evaluators.processes.supervisor import (
    Process,
    all_processes,
    boot_id,
    pid_namespace,
    put_if_absent,
    read_process,
    send,
    with_descendants,
)

_PAUSE = 0.05


class Claim(BaseModel):
    """Who has taken an attempt: a supervisor, or nobody ever (`pid` is None).

    `mark` is like no other, and `key` the attempt's; claims from before they were have none. `began` is a time of the
    clock that runs from the machine's start, `namespace` tells in which container the numbers of processes hold.
    """

    model_config = ConfigDict(frozen=True)

    pid: int | None = None
    ticks: int = 0
    boot: str = ""
    namespace: str | None = None
    mark: str | None = None
    key: str | None = None
    began: float | None = None

    def of_this_boot(self) -> bool:
        """Tell whether the machine has not been started anew since, nor is another one."""
        return self.boot == boot_id()

    def can_be_seen(self) -> bool:
        """Tell whether its process has the same number here: not after a reboot, nor from another container."""
        return self.of_this_boot() and self.namespace in (None, pid_namespace())

    def supervisor(self) -> Process | None:
        """Return the very supervisor that made this claim, if it can be seen from here and lives."""
        if self.pid is None or not self.can_be_seen():
            return None
        process = read_process(self.pid)
        return process if process is not None and process.ticks == self.ticks else None

    def supervisor_lives(self) -> bool:
        """Tell whether the very supervisor that made this claim still runs."""
        return self.supervisor() is not None

    def send(self, number: int) -> None:
        """Send the supervisor a signal, if it lives."""
        if (process := self.supervisor()) is not None:
            send(number, {process.pid})

    def age(self) -> timedelta:
        """Return for how long the evaluation has had time; none where that cannot be known."""
        if self.began is None or not self.of_this_boot():
            return timedelta()
        return timedelta(seconds=max(time.monotonic() - self.began, 0.0))


def claim_for_nobody(attempt: AttemptFolder) -> None:
    """Take an attempt that no supervisor has taken, so that none ever will."""
    # Looked at first, because on a full disk not even the attempt to claim could be made.
    if not attempt.claim.exists():
        put_if_absent(attempt.claim, {})


def read_claim(attempt: AttemptFolder) -> Claim | None:
    """Return who has taken this attempt; None where that cannot be read."""
    try:
        return Claim.model_validate_json(attempt.claim.read_bytes())
    except (OSError, ValidationError):
        return None


async def end_survivors(claim: Claim | None, attempt: AttemptFolder, grace: timedelta) -> None:
    """End every process of an attempt whose supervisor is dead or unknown; return when none is left."""
    deadline = time.monotonic() + grace.total_seconds()
    left = survivors(claim, attempt)
    send(signal.SIGTERM, left)
    # What is stopped hears of it only once it is woken.
    send(signal.SIGCONT, left)
    while left:
        await asyncio.sleep(_PAUSE)
        left = survivors(claim, attempt)
        if time.monotonic() > deadline:
            send(signal.SIGKILL, left)


async def end_by_force(supervisor: Process, attempt: AttemptFolder, say: Callable[[], None]) -> None:
    """Kill a supervisor that does not end in time with everything that it has started; return when none is left.

    Once only the supervisor is left, `say` writes down how that ended, so that nobody sees all of it gone without word.
    """
    claim = Claim(pid=supervisor.pid, ticks=supervisor.ticks, boot=boot_id(), namespace=pid_namespace())
    # Stopped, it starts nothing more, and what is orphaned still becomes its child, by which it is found.
    claim.send(signal.SIGSTOP)
    while left := (_family(claim) | survivors(claim, attempt)) - {supervisor.pid}:
        send(signal.SIGKILL, left)
        await asyncio.sleep(_PAUSE)
    say()
    while claim.supervisor_lives():
        claim.send(signal.SIGKILL)
        await asyncio.sleep(_PAUSE)
    await end_survivors(claim, attempt, timedelta())


def _family(claim: Claim) -> set[int]:
    supervisor = claim.supervisor()
    return set() if supervisor is None else with_descendants({supervisor.pid}, all_processes()) - {supervisor.pid}


def survivors(claim: Claim | None, attempt: AttemptFolder) -> set[int]:
    """Return the attempt's processes: by session, by the request they were given, and what those started.

    The session finds those that dropped their environment, the environment those that left the session. Without a
    claim that can be read, only what bears the attempt's own request counts.
    """
    claim = claim or Claim(boot=boot_id())
    if not claim.can_be_seen():
        return set()
    processes = all_processes()
    session = _session_of(claim)
    mark = b"EVAL_REQUEST=" + os.fsencode(attempt.request)
    roots = {p.pid for p in processes if p.ticks >= claim.ticks and (p.session == session or _bears(mark, p))}
    return with_descendants(roots, processes) - {os.getpid()}


def _session_of(claim: Claim) -> int | None:
    """Return the session of a claim's supervisor, unless another one may bear its number by now."""
    if claim.pid is None:
        return None
    leader = read_process(claim.pid)
    # The kernel gives a number to nobody else as long as a session bears it: a new holder means no session left.
    return claim.pid if leader is None or leader.ticks == claim.ticks else None


def _bears(mark: bytes, process: Process) -> bool:
    try:
        return mark in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
