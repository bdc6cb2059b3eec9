"""The program of a job: carry out its orders, one a turn, until its time or its orders run out."""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from overnight.flows.clusters.order import Order
from overnight.flows.clusters.places.slurm.options import OVERHEAD
from overnight.flows.clusters.places.slurm.turns import Array, Turn
from overnight.flows.clusters.resources import Needs, Resources
from overnight.flows.clusters.worker import JobRun, carry_out
from overnight.storage import open_mailboxes

# A folder that is shared between machines may show a new file late.
_SECONDS_TO_APPEAR = 60.0
_PAUSE = 0.5
# No attempt has this key: the keys of attempts begin with the name of a campaign and its uid.
MAILBOXES = "slurm"
# Stands for a job's number in the name of its log, as it does for Slurm.
NUMBER = "%a"


def mailbox_of(token: str) -> str:
    """Return the name of the mailbox of an array, among those of the attempts."""
    return f"{MAILBOXES}/{token}"


@dataclass(frozen=True)
class Work:
    """The work of one job: its array, its number in it, its own id, and how long it may run and wait for orders."""

    array: Array
    number: int
    id: str
    walltime: float
    idle: float

    async def done(self, job: JobRun) -> None:
        """Carry out orders until there are no more, or until no time is left for another one."""
        await self._take_turns(job)
        if not job.interrupted.is_set():
            await self.array.note_end(self.number)

    async def _take_turns(self, job: JobRun) -> None:
        began = time.monotonic()
        turn, patience = await self.array.newest(self.number), _SECONDS_TO_APPEAR
        while (order := await _order(self.array, turn, patience, job.interrupted)) is not None:
            _say(f"run {job.number} of job {self.id} takes {order.request.key}")
            _say(await carry_out(order, self.id, job))
            if job.interrupted.is_set():
                return
            turn, patience = turn.next, self.idle
            limits = Needs(Resources(), order.evaluator.time_limit, order.evaluator.grace)
            needed = limits.longest + OVERHEAD + timedelta(seconds=self.idle)
            if self.idle <= 0 or time.monotonic() - began + needed.total_seconds() > self.walltime:
                return
            await self.array.offer(turn)
        _say("no more orders")


async def _order(array: Array, turn: Turn, patience: float, interrupted: asyncio.Event) -> Order | None:
    """Return the order of a turn once it is there; None if it will not come."""
    until = time.monotonic() + patience
    while True:
        with suppress(LookupError):
            return await array.order_of(turn)
        over = time.monotonic() > until or interrupted.is_set() or await array.is_dismissed()
        if over and await array.close(turn):
            return None
        if not over:
            await asyncio.sleep(_PAUSE)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def _run(work: Work, job: JobRun) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, job.interrupted.set)
    await work.done(job)


def main() -> None:
    """Run with the arguments that the launcher writes into the job's script, and with Slurm's variables."""
    ledger, campaign, token, walltime, idle, log = sys.argv[1:]
    number, run = os.environ["SLURM_ARRAY_TASK_ID"], os.environ.get("SLURM_RESTART_COUNT", "0")
    array = Array(token, open_mailboxes(ledger, campaign, Path()).of(mailbox_of(token)))
    name = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{number}"
    work = Work(array, int(number), name, float(walltime), float(idle))
    asyncio.run(_run(work, JobRun(int(run), Path(log.replace(NUMBER, number)))))


if __name__ == "__main__":
    main()
