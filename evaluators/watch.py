"""Wait for an attempt's supervisor, and enforce the limits if the supervisor cannot."""

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
    """A supervisor, as seen by the process that waits for it."""

    def supervisor(self) -> Process | None:
        """Return the supervisor's process if it is alive."""
        ...

    def send(self, number: int) -> None:
        """Send the supervisor a signal if it is alive."""
        ...


@dataclass(frozen=True)
class OwnChild:
    """A supervisor that this process has started."""

    process: "subprocess.Popen[bytes]"

    def supervisor(self) -> Process | None:
        """Return the supervisor's process if it is alive; reap it if it has ended."""
        # Once it has been reaped, its id may belong to another process.
        living = read_process(self.process.pid) if self.process.returncode is None else None
        if living is None:
            self.process.poll()
        return living

    def send(self, number: int) -> None:
        """Send the supervisor a signal if it is alive."""
        self.process.send_signal(number)


@dataclass
class Watch:
    """Follows an attempt until its supervisor ends, which takes at most `left` plus `margin` seconds from now.

    `left` is the rest of the time limit plus the grace; `grace` is the time that an evaluation has to end by itself. A
    suspended supervisor is resumed, since nothing else would enforce the time limit. A supervisor that still does not
    end in time is killed with everything that it has started, and only then does it count as ended.
    """

    watched: Watched
    attempt: AttemptFolder
    lines: ReportLines
    left: float
    grace: float
    margin: float

    async def to_its_end(self) -> None:
        """Pass on reports until the supervisor has ended; if interrupted, end it first."""
        try:
            await self._within(self.left, reading=True)
        except (asyncio.CancelledError, Exception):
            # Written before the signal, so that the signal is known to be ours even if this controller dies now. On a
            # full disk it may be missing: then the attempt counts as ended by another process.
            with suppress(OSError):
                put_if_absent(self.attempt.stop, {})
            self.watched.send(signal.SIGTERM)
            await self._within(self.grace, reading=False)
            raise

    async def _within(self, seconds: float, *, reading: bool) -> None:
        """Wait until the supervisor has ended; kill it if that takes longer than this time plus the margin."""
        passed, pause = asyncio.get_running_loop().time, _FIRST_PAUSE
        due, looked, late = passed() + seconds, passed(), 0.0
        while (supervisor := self.watched.supervisor()) is not None:
            if supervisor.state == STOPPED:
                self.watched.send(signal.SIGCONT)
            if reading:
                self.lines.read()
            if late > self.margin:
                say = partial(self._record_end, supervisor, "timeout" if reading else "cancelled")
                await end_by_force(supervisor, self.attempt, say)
            await asyncio.sleep(pause)
            # Time for which this process itself was suspended does not count against the supervisor.
            if passed() > due:
                late += min(passed() - looked, 2 * pause)
            looked, pause = passed(), min(pause * 1.3, _LONGEST_PAUSE)

    def _record_end(self, supervisor: Process, why: Literal["timeout", "cancelled"]) -> None:
        """Record the end of the attempt in place of the supervisor, if that supervisor has claimed it."""
        claim = read_claim(self.attempt)
        if claim is None or (claim.pid, claim.ticks) != (supervisor.pid, supervisor.ticks):
            return
        found = {"seconds": claim.age().total_seconds(), "result": digest_of(self.attempt.result)}
        with suppress(OSError):
            put_if_absent(self.attempt.exit, {"mark": claim.mark, "status": None, "stopped": why, **found})
