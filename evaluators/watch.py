"""Wait for an attempt's supervisor, and enforce the limits if the supervisor is stopped."""

import asyncio
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from overnight.evaluators.processes.attempt_folder import AttemptFolder
from overnight.evaluators.processes.supervisor import STOPPED, Process, digest_of, put_if_absent, read_process
from overnight.evaluators.processes.survivors import end_by_force, read_claim
from overnight.evaluators.results.report_lines import ReportLines

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.2


class Watched(Protocol):
    """A supervisor as it is seen by the process that waits for it."""

    def supervisor(self) -> Process | None:
        """Return it, if it lives."""
        ...

    def send(self, number: int) -> None:
        """Send it a signal, if it lives."""
        ...


@dataclass(frozen=True)
class OwnChild:
    """A supervisor that this process has started."""

    process: "subprocess.Popen[bytes]"

    def supervisor(self) -> Process | None:
        """Return it if it is alive; reap it if it has ended."""
        # Once it is reaped, its id may be another process's.
        living = read_process(self.process.pid) if self.process.returncode is None else None
        if living is None:
            self.process.poll()
        return living

    def send(self, number: int) -> None:
        """Send it a signal, if it lives."""
        self.process.send_signal(number)


@dataclass
class Watch:
    """Follows an attempt to its supervisor's end, which comes at most `left` seconds from now, and `margin` later.

    `left` is what remains of the time limit and the grace; `grace` is what an evaluation has that is asked to end. A
    supervisor that is stopped is woken, since nothing else would enforce the time limit. One that does not end in time
    all the same is killed with everything that it has started, before this says that it has ended.
    """

    watched: Watched
    attempt: AttemptFolder
    lines: ReportLines
    left: float
    grace: float
    margin: float

    async def to_its_end(self) -> None:
        """Pass on reports until the supervisor has ended; if that is interrupted, see to it that it ends."""
        try:
            await self._within(self.left, reading=True)
        except (asyncio.CancelledError, Exception):
            # Left before the signal, so that it is known to be ours also if this controller dies at once. On a full
            # disk it may be missing: then the attempt counts as ended by somebody else.
            with suppress(OSError):
                put_if_absent(self.attempt.stop, {})
            self.watched.send(signal.SIGTERM)
            await self._within(self.grace, reading=False)
            raise

    async def _within(self, seconds: float, *, reading: bool) -> None:
        """Return when the supervisor has ended, by force if that takes longer than so many seconds and the margin."""
        passed, pause = asyncio.get_running_loop().time, _FIRST_PAUSE
        due, looked, late = passed() + seconds, passed(), 0.0
        while (supervisor := self.watched.supervisor()) is not None:
            if supervisor.state == STOPPED:
                self.watched.send(signal.SIGCONT)
            if reading:
                self.lines.read()
            if late > self.margin:
                say = partial(self._say, supervisor, "timeout" if reading else "cancelled")
                await end_by_force(supervisor, self.attempt, say)
            await asyncio.sleep(pause)
            # Where this process was stopped, too, the supervisor has its time from when both go on.
            if passed() > due:
                late += min(passed() - looked, 2 * pause)
            looked, pause = passed(), min(pause * 1.3, _LONGEST_PAUSE)

    def _say(self, supervisor: Process, why: Literal["timeout", "cancelled"]) -> None:
        """Write down how it ended, in the place of a supervisor that had claimed it and does not."""
        claim = read_claim(self.attempt)
        if claim is None or (claim.pid, claim.ticks) != (supervisor.pid, supervisor.ticks):
            return
        found = {"seconds": claim.age().total_seconds(), "result": digest_of(self.attempt.result)}
        with suppress(OSError):
            put_if_absent(self.attempt.exit, {"mark": claim.mark, "status": None, "stopped": why, **found})
