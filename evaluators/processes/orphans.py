"""End evaluations whose controller is dead and whose attempts the ledger has lost."""

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from overnight.evaluators.processes.attempt_folder import AttemptFolder
from overnight.evaluators.processes.belonging import limits, starter
from overnight.evaluators.processes.supervisor import Process, all_processes, put_if_absent
from overnight.evaluators.processes.survivors import block_unclaimed, end_survivors, read_claim

_REQUEST = b"EVAL_REQUEST="
_GRACE = timedelta(seconds=10)


async def end_orphans(folder: Path, known: Collection[Path]) -> int:
    """End the attempts below this folder whose starter is dead, except the known ones; return how many there were.

    Attempts of a living process are left alone, because another campaign's controller may share the folder.
    """
    orphans = _orphans(folder, known)
    await asyncio.gather(*map(_end, orphans))
    return len(orphans)


def _orphans(folder: Path, known: Collection[Path]) -> list[AttemptFolder]:
    known = {path.resolve() for path in known}
    # A look at a running evaluation has its folder in that of its attempt.
    alive = {
        AttemptFolder(path): living
        for path, living in _attempts_alive(folder.resolve()).items()
        if known.isdisjoint((path, *path.parents))
    }
    return [attempt for attempt, living in alive.items() if _is_orphan(attempt, living)]


def _attempts_alive(folder: Path) -> dict[Path, list[Process]]:
    """Return the attempt folders below this one that have processes on this machine, with these processes."""
    alive: dict[Path, list[Process]] = defaultdict(list)
    for process in all_processes():
        request = _request_of(process)
        if request is not None and folder in request.parents:
            alive[request.parent].append(process)
    return alive


def _request_of(process: Process) -> Path | None:
    try:
        variables = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    named = next((variable for variable in variables if variable.startswith(_REQUEST)), None)
    return None if named is None else Path(os.fsdecode(named.removeprefix(_REQUEST)))


def _is_orphan(attempt: AttemptFolder, living: list[Process]) -> bool:
    """Return whether the process that started an attempt is known to be dead: then its children have another parent."""
    pid = starter(attempt)
    return pid is not None and all(process.parent != pid for process in living)


async def _end(attempt: AttemptFolder) -> None:
    with suppress(OSError):
        block_unclaimed(attempt)
        # A process that still waits for this attempt must see that it was ended on purpose.
        put_if_absent(attempt.stop, {})
    claim = read_claim(attempt)
    _, grace = limits(attempt, timedelta(), _GRACE)
    if claim is not None:
        # The supervisor ends the evaluation and records that.
        claim.send(signal.SIGTERM)
        claim.send(signal.SIGCONT)
    await end_survivors(claim, attempt, grace)
