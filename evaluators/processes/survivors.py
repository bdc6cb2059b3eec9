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
    """The supervisor that has taken an attempt; a claim without a `pid` keeps the attempt from ever starting.

    `mark` is unique, and `key` is the attempt's; older claims have neither. `began` is a time of the clock that starts
    when the machine does. `namespace` identifies the container in which the process ids are valid.
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
        """Return whether this is the same machine, without a restart since."""
        return self.boot == boot_id()

    def can_be_seen(self) -> bool:
        """Return whether its process id is valid here, which it is not after a reboot or in another container."""
        return self.of_this_boot() and self.namespace in (None, pid_namespace())

    def supervisor(self) -> Process | None:
        """Return the supervisor that made this claim, if it is visible from here and still alive."""
        if self.pid is None or not self.can_be_seen():
            return None
        process = read_process(self.pid)
        return process if process is not None and process.ticks == self.ticks else None

    def supervisor_lives(self) -> bool:
        """Return whether the supervisor that made this claim is visible from here and still alive."""
        return self.supervisor() is not None

    def send(self, number: int) -> None:
        """Send the supervisor a signal if it is alive."""
        if (process := self.supervisor()) is not None:
            send(number, {process.pid})

    def age(self) -> timedelta:
        """Return how long ago the evaluation began; zero if that is unknown."""
        if self.began is None or not self.of_this_boot():
            return timedelta()
        return timedelta(seconds=max(time.monotonic() - self.began, 0.0))


def block_unclaimed(attempt: AttemptFolder) -> None:
    """Claim an attempt that no supervisor has claimed, so that none ever will."""
    # Checked first: on a full disk even trying to claim fails.
    if not attempt.claim.exists():
        put_if_absent(attempt.claim, {})


def read_claim(attempt: AttemptFolder) -> Claim | None:
    """Return the claim of this attempt; None if it cannot be read."""
    try:
        return Claim.model_validate_json(attempt.claim.read_bytes())
    except (OSError, ValidationError):
        return None


async def end_survivors(claim: Claim | None, attempt: AttemptFolder, grace: timedelta) -> None:
    """End every process of an attempt whose supervisor is dead or unknown; return once none is left."""
    deadline = time.monotonic() + grace.total_seconds()
    left = survivors(claim, attempt)
    send(signal.SIGTERM, left)
    # A suspended process receives SIGTERM only once it is resumed.
    send(signal.SIGCONT, left)
    while left:
        await asyncio.sleep(_PAUSE)
        left = survivors(claim, attempt)
        if time.monotonic() > deadline:
            send(signal.SIGKILL, left)


async def end_by_force(supervisor: Process, attempt: AttemptFolder, say: Callable[[], None]) -> None:
    """Kill a supervisor that does not end in time, and everything that it has started; return once none is left.

    Once only the supervisor is left, `say` records the end, so that the processes never disappear without a record.
    """
    claim = Claim(pid=supervisor.pid, ticks=supervisor.ticks, boot=boot_id(), namespace=pid_namespace())
    # A suspended supervisor starts nothing more, but orphans still become its children and can be found.
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
    """Return the ids of the attempt's processes, found by session and by environment, and of their descendants.

    The session finds processes that dropped their environment; the environment finds those that left the session.
    Without a readable claim, only processes with the attempt's own request in their environment count.
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
    """Return the session of a claim's supervisor, unless another session may have its number by now."""
    if claim.pid is None:
        return None
    leader = read_process(claim.pid)
    # The kernel does not reuse a number while a session has it, so a new holder means that the session is gone.
    return claim.pid if leader is None or leader.ticks == claim.ticks else None


def _bears(mark: bytes, process: Process) -> bool:
    try:
        return mark in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
