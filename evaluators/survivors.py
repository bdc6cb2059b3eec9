"""Find out whether anything of an attempt still runs, and end what has lost its supervisor."""

import asyncio
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from evaluators.attempt_folder import AttemptFolder
from evaluators.supervisor import Process, all_processes, boot_id, put_if_absent, read_process, send, with_descendants


class Claim(BaseModel):
    """Who has taken an attempt: a supervisor, or nobody ever (`pid` is None)."""

    model_config = ConfigDict(frozen=True)

    pid: int | None = None
    ticks: int = 0
    boot: str = ""

    def supervisor_lives(self) -> bool:
        """Tell whether the very supervisor that made this claim still runs."""
        if self.pid is None or self.boot != boot_id():
            return False
        process = read_process(self.pid)
        return process is not None and process.ticks == self.ticks

    def stop(self) -> None:
        """Ask the supervisor, if it lives, to end the evaluation."""
        if self.pid is not None and self.supervisor_lives():
            send(signal.SIGTERM, {self.pid})


def claim_for_nobody(attempt: AttemptFolder) -> None:
    """Take an attempt that no supervisor has taken, so that none ever will."""
    # Looked at first, because on a full disk not even the attempt to claim could be made.
    if not attempt.claim.exists():
        put_if_absent(attempt.claim, {})


def read_claim(attempt: AttemptFolder) -> Claim:
    """Return who has taken this attempt."""
    return Claim.model_validate_json(attempt.claim.read_bytes())


async def end_survivors(claim: Claim, attempt: AttemptFolder, grace: timedelta) -> None:
    """End every process of an attempt whose supervisor is dead; return when none is left."""
    deadline = time.monotonic() + grace.total_seconds()
    left = _survivors(claim, attempt)
    send(signal.SIGTERM, left)
    while left:
        await asyncio.sleep(0.1)
        left = _survivors(claim, attempt)
        if time.monotonic() > deadline:
            send(signal.SIGKILL, left)


def _survivors(claim: Claim, attempt: AttemptFolder) -> set[int]:
    """Return the attempt's processes: by session, by the request they were given, and what those started.

    The session finds those that dropped their environment, the environment those that left the session.
    """
    if claim.pid is None or claim.boot != boot_id():
        return set()
    processes = all_processes()
    leader = read_process(claim.pid)
    # The kernel gives a number to nobody else as long as a session bears it: a new holder means no session left.
    session = claim.pid if leader is None or leader.ticks == claim.ticks else None
    mark = b"EVAL_REQUEST=" + os.fsencode(attempt.request)
    roots = {p.pid for p in processes if p.ticks >= claim.ticks and (p.session == session or _bears(mark, p))}
    return with_descendants(roots, processes) - {os.getpid()}


def _bears(mark: bytes, process: Process) -> bool:
    try:
        return mark in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
