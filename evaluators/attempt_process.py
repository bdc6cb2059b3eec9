"""An attempt in processes of its own: started once, followed to its end, taken over after a controller's death."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from campaign.evaluation import EvaluationFailed, EvaluationOutcome, EvaluationRequest, EvaluationSucceeded
from evaluators import supervisor
from evaluators.attempt_folder import AttemptFolder, last_text
from evaluators.command_result import outcome_of_exit, stored_outcome, without_secrets
from evaluators.environment import Redaction
from evaluators.evaluator import Report
from evaluators.exit_status import Exit
from evaluators.report_lines import ReportLines
from evaluators.supervisor import put_if_absent
from evaluators.survivors import claim_for_nobody, end_survivors, read_claim

# Whether an attempt is to end when the process dies that started it: so it is where nobody would adopt it. A controller
# on the same machine does, and lets it go on.
ends_with_its_parent: ContextVar[bool] = ContextVar("ends_with_its_parent", default=False)

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.2


@dataclass(frozen=True)
class AttemptProcess:
    """What is started for an attempt, where, in which environment, and how long it may take."""

    command: tuple[str, ...]
    folder: Path
    environment: dict[str, str]
    secrets: dict[str, str]
    time_limit: timedelta
    grace: timedelta

    async def run(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        """Start the attempt and return how it ended."""
        try:
            attempt = AttemptFolder.at(folder)
            self._prepare(attempt, request)
            process = self._start(attempt)
        except OSError as problem:
            # Nothing of the evaluation has begun: the point cannot be to blame.
            message = f"could not be started: {problem}"
            return EvaluationFailed(cause="infrastructure", message=message, machine=True)
        lines = ReportLines(attempt.reports, report, Redaction(self.secrets))
        try:
            await _follow(lambda: process.poll() is None, process.terminate, attempt, lines)
        except asyncio.CancelledError:
            if (stored := await self._stored(attempt, request, lines)) is None:
                raise
            return stored
        return await self._settle(attempt, request, lines) or self._lost(attempt)

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome | None:
        """Return how an attempt ended that somebody else has started; None if that never began."""
        attempt = AttemptFolder.at(folder)
        lines = ReportLines(attempt.reports, report, Redaction(self.secrets))
        try:
            return await self._settle(attempt, request, lines)
        except asyncio.CancelledError:
            if (stored := await self._stored(attempt, request, lines)) is None:
                raise
            return stored

    def _prepare(self, attempt: AttemptFolder, request: EvaluationRequest) -> None:
        attempt.artifacts.mkdir(exist_ok=True)
        attempt.reports.touch()
        put_if_absent(attempt.request, request.model_dump(mode="json"))
        start = {
            "command": self.command,
            "folder": str(self.folder),
            "time_limit": self.time_limit.total_seconds(),
            "grace": self.grace.total_seconds(),
            "parent": os.getpid() if ends_with_its_parent.get() else None,
        }
        put_if_absent(attempt.start, start)

    def _start(self, attempt: AttemptFolder) -> "subprocess.Popen[bytes]":
        # Not asyncio's: a cancellation while it starts would kill the supervisor and leave what it has begun.
        with attempt.supervisor_log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", supervisor.__file__, str(attempt.path)],
                env={**self.environment, **attempt.variables()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _settle(
        self, attempt: AttemptFolder, request: EvaluationRequest, lines: ReportLines
    ) -> EvaluationOutcome | None:
        claim_for_nobody(attempt)
        claim = read_claim(attempt)
        if claim.pid is None:
            return None
        await _follow(claim.supervisor_lives, claim.stop, attempt, lines)
        if not attempt.exit.exists():
            await end_survivors(claim, attempt, self.grace)
        lines.read_rest()
        redaction = Redaction(self.secrets)
        outcome = self._outcome(attempt, request, redaction) or self._lost(attempt)
        return _with_ignored(without_secrets(outcome, redaction), lines.ignored)

    async def _stored(
        self, attempt: AttemptFolder, request: EvaluationRequest, lines: ReportLines
    ) -> EvaluationOutcome | None:
        """Return what an attempt that was stopped had found by then, if it had stored that; it would be lost."""
        settled = await self._settle(attempt, request, lines) if attempt.result.exists() else None
        ended = isinstance(settled, EvaluationFailed) and settled.cause in ("cancelled", "infrastructure")
        return None if ended else settled

    def _outcome(
        self, attempt: AttemptFolder, request: EvaluationRequest, redaction: Redaction
    ) -> EvaluationOutcome | None:
        if attempt.exit.exists():
            return outcome_of_exit(attempt, request, Exit.model_validate_json(attempt.exit.read_bytes()), redaction)
        # The supervisor was killed: how the evaluation ended is lost, but a whole result speaks for itself.
        if not attempt.result.exists():
            return None
        seconds = attempt.result.stat().st_mtime - attempt.claim.stat().st_mtime
        return stored_outcome(attempt, request, max(0.0, seconds))

    def _lost(self, attempt: AttemptFolder) -> EvaluationFailed:
        log = Redaction(self.secrets).text(last_text(attempt.supervisor_log)).strip()[-1000:]
        message = "its supervisor was killed or could not start, and nothing of the evaluation is left"
        if os.statvfs(attempt.path).f_bavail == 0:
            message += f"; no space is left on the disk of {attempt.path}"
        return EvaluationFailed(cause="infrastructure", message=f"{message}: {log}" if log else message, lost=True)


async def _follow(
    lives: Callable[[], bool], stop: Callable[[], object], attempt: AttemptFolder, lines: ReportLines
) -> None:
    """Pass on reports until the supervisor has ended; if that is interrupted, see to it that it ends."""
    pause = _FIRST_PAUSE
    try:
        while lives():
            lines.read()
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, _LONGEST_PAUSE)
    except (asyncio.CancelledError, Exception):
        # Left before the signal, so that it is known to be ours also if this controller dies at once. On a full disk
        # it may be missing: then the attempt counts as ended by somebody else.
        with suppress(OSError):
            put_if_absent(attempt.stop, {})
        stop()
        while lives():  # noqa: ASYNC110 - the end of a process that is not our child can only be looked for
            await asyncio.sleep(_FIRST_PAUSE)
        raise


def _with_ignored(outcome: EvaluationOutcome, ignored: int) -> EvaluationOutcome:
    if not ignored or not isinstance(outcome, EvaluationSucceeded):
        return outcome
    return outcome.model_copy(update={"metadata": {**outcome.metadata, "ignored_report_lines": ignored}})
