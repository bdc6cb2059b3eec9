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
from overnight.evaluators.processes.survivors import claim_for_nobody, end_survivors, read_claim

_REQUEST = b"EVAL_REQUEST="
_GRACE = timedelta(seconds=10)


async def end_orphans(folder: Path, known: Collection[Path]) -> int:
    """End all evaluations of attempts below this folder whose starter is dead, but for the known ones; return how many.

    What a living process has started is left alone: another campaign's controller may share the folder.
    """
    orphans = _orphans(folder, known)
    await asyncio.gather(*map(_end, orphans))
    return len(orphans)


def _orphans(folder: Path, known: Collection[Path]) -> list[AttemptFolder]:
    known = {path.resolve() for path in known}
    alive = {
        AttemptFolder(path): living for path, living in _attempts_alive(folder.resolve()).items() if path not in known
    }
    return [attempt for attempt, living in alive.items() if _is_orphan(attempt, living)]


def _attempts_alive(folder: Path) -> dict[Path, list[Process]]:
    """Return the folders of attempts below this one of which something runs here, with the processes that bear them."""
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
    """Tell whether the process that started an attempt is known not to live: its children get another parent then."""
    pid = starter(attempt)
    return pid is not None and all(process.parent != pid for process in living)


async def _end(attempt: AttemptFolder) -> None:
    with suppress(OSError):
        claim_for_nobody(attempt)
        # Whoever waits for it all the same is to know that it was ended on purpose.
        put_if_absent(attempt.stop, {})
    claim = read_claim(attempt)
    _, grace = limits(attempt, timedelta(), _GRACE)
    if claim is not None:
        # It ends what it supervises, and leaves word of that.
        claim.send(signal.SIGTERM)
        claim.send(signal.SIGCONT)
    await end_survivors(claim, attempt, grace)
