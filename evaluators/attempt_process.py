"""Run an attempt in its own processes: start it once, watch it until it ends, adopt it if its controller has died."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from overnight.campaign.evaluation import (
    EvaluationAnswer,
    EvaluationFailed,
    EvaluationOngoing,
    EvaluationRequest,
    EvaluationSucceeded,
)
from overnight.campaign.result import bounded
from overnight.evaluators.evaluator import Report
from overnight.evaluators.processes import supervisor
from overnight.evaluators.processes.attempt_folder import AttemptFolder, last_text
from overnight.evaluators.processes.belonging import begin, limits, read_exit, why_foreign
from overnight.evaluators.processes.private_folder import open_private
from overnight.evaluators.processes.survivors import Claim, block_unclaimed, end_survivors, read_claim
from overnight.evaluators.results.command_result import outcome_of_exit, stored_outcome, without_secrets
from overnight.evaluators.results.report_lines import ReportLines
from overnight.evaluators.secrets.environment import Redaction
from overnight.evaluators.watch import OwnChild, Watch, Watched

# How many seconds the process that started an attempt may be suspended before the attempt is ended. The attempt is also
# ended if that process dies, because no other process would adopt it. None: a controller on this machine adopts it.
ends_with_its_parent: ContextVar[float | None] = ContextVar("ends_with_its_parent", default=None)
_inherited_locks: ContextVar[Mapping[str, int]] = ContextVar("_inherited_locks", default=MappingProxyType({}))

_SUPERVISOR_DIED = "its supervisor was killed or could not start, and no process of the evaluation is left"


@contextmanager
def passing_on(locks: Mapping[str, int]) -> Iterator[None]:
    """Let the processes of attempts that start inside inherit these open files, which hold locks, by name.

    The kernel keeps each lock until the last of these processes has ended.
    """
    token = _inherited_locks.set(locks)
    try:
        yield
    finally:
        _inherited_locks.reset(token)


@dataclass(frozen=True)
class AttemptProcess:
    """The command of an attempt, with its folder, environment and limits.

    `result_ends`: the evaluation is over once it has written its result. `margin`: how late a supervisor may be, after
    the time limit and the grace, before it is killed with the attempt.
    """

    command: tuple[str, ...]
    folder: Path
    environment: dict[str, str]
    secrets: dict[str, str]
    time_limit: timedelta
    grace: timedelta
    result_ends: bool = False
    margin: timedelta = timedelta(seconds=10)

    async def run(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer:
        """Start the attempt and return how it ended."""
        try:
            attempt = AttemptFolder.at(folder)
            attempt.make_places()
            if (refusal := begin(attempt, request, self._instructions(request))) is not None:
                return EvaluationFailed(cause="infrastructure", message=refusal)
            child = OwnChild(self._start(attempt))
        except OSError as problem:
            # The evaluation has not begun, so the point cannot be to blame.
            message = f"could not be started: {problem}"
            return EvaluationFailed(cause="infrastructure", message=message, machine=True)
        lines = self._lines(attempt, request, report)
        async with self._ended_if_unreadable(attempt.path):
            try:
                await self._watch(child, attempt, lines, self.time_limit, self.grace).to_its_end()
                return await self._settle(attempt, request, lines) or self._lost(attempt, _SUPERVISOR_DIED)
            except asyncio.CancelledError:
                if (stored := await self._stored(attempt, request, lines)) is None:
                    raise
                return stored

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer | None:
        """Return the outcome of an attempt that another process started; None if it never began."""
        async with self._ended_if_unreadable(folder):
            attempt = AttemptFolder.at(folder)
            lines = self._lines(attempt, request, report)
            try:
                return await self._settle(attempt, request, lines)
            except asyncio.CancelledError:
                if (stored := await self._stored(attempt, request, lines)) is None:
                    raise
                return stored

    def _lines(self, attempt: AttemptFolder, request: EvaluationRequest, report: Report) -> ReportLines:
        redaction, batch = Redaction(self.secrets), request if request.arms else None
        return ReportLines(attempt.reports, report, redaction, request.expected_metrics, batch=batch)

    @asynccontextmanager
    async def _ended_if_unreadable(self, folder: Path) -> AsyncIterator[None]:
        """End the attempt if its folder cannot be used: it must not run at the same time as the next attempt."""
        try:
            yield
        except OSError:
            await end_survivors(None, AttemptFolder(folder.resolve()), self.grace)  # noqa: ASYNC240
            raise

    def _instructions(self, request: EvaluationRequest) -> dict[str, Any]:
        silence, locks = ends_with_its_parent.get(), list(_inherited_locks.get())
        return {
            "key": request.key,
            "command": self.command,
            "folder": str(self.folder),
            "time_limit": self.time_limit.total_seconds(),
            "grace": self.grace.total_seconds(),
            "result_ends": self.result_ends,
            "starter": os.getpid(),
            **({} if silence is None else {"parent": os.getpid(), "silence": silence}),
            **({"locks": locks} if locks else {}),
        }

    def _start(self, attempt: AttemptFolder) -> "subprocess.Popen[bytes]":
        # Not asyncio's: a cancellation during its start would kill the supervisor, but not the command that it started.
        with open_private(attempt.supervisor_log) as log:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", supervisor.__file__, str(attempt.path)],
                env={**self.environment, **attempt.variables()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=tuple(_inherited_locks.get().values()),
            )

    def _watch(
        self, watched: Watched, attempt: AttemptFolder, lines: ReportLines, left: timedelta, grace: timedelta
    ) -> Watch:
        longest = (left + grace).total_seconds()
        return Watch(watched, attempt, lines, longest, grace.total_seconds(), self.margin.total_seconds())

    async def _settle(
        self, attempt: AttemptFolder, request: EvaluationRequest, lines: ReportLines
    ) -> EvaluationAnswer | None:
        block_unclaimed(attempt)
        claim = read_claim(attempt)
        if claim is not None and claim.pid is None:
            # An attempt whose folder was emptied may still be running.
            await end_survivors(None, attempt, self.grace)
            return None
        foreign = why_foreign(attempt, request, claim)
        if foreign is not None or claim is None:
            # Another attempt's claim names processes that must not be touched.
            await end_survivors(None, attempt, self.grace)
            return self._lost(attempt, f"it cannot be adopted, because {foreign}; none of its processes is left")
        # The limits that it was started with apply, even if the campaign's file has changed since.
        time_limit, grace = limits(attempt, self.time_limit, self.grace)
        await self._watch(claim, attempt, lines, time_limit - claim.age(), grace).to_its_end()
        if read_exit(attempt, claim) is None:
            await end_survivors(claim, attempt, grace)
        lines.read_rest()
        redaction = Redaction(self.secrets)
        outcome = self._outcome(attempt, request, claim, redaction) or self._unrecorded_end(attempt, claim)
        return _with_ignored(without_secrets(outcome, redaction), lines)

    async def _stored(
        self, attempt: AttemptFolder, request: EvaluationRequest, lines: ReportLines
    ) -> EvaluationAnswer | None:
        """Return the outcome of a stopped attempt that had already stored its result, which would be lost otherwise."""
        settled = await self._settle(attempt, request, lines) if attempt.result.exists() else None
        ended = isinstance(settled, EvaluationFailed) and settled.cause in ("cancelled", "infrastructure")
        return None if ended else settled

    def _outcome(
        self, attempt: AttemptFolder, request: EvaluationRequest, claim: Claim, redaction: Redaction
    ) -> EvaluationAnswer | None:
        if (ended := read_exit(attempt, claim)) is not None:
            return outcome_of_exit(attempt, request, ended, redaction, result_ends=self.result_ends)
        # The supervisor was killed, so the way the evaluation ended is unknown. A complete result still counts.
        if attempt.exit.exists() or not attempt.result.is_file():
            return None
        seconds = attempt.result.stat().st_mtime - attempt.claim.stat().st_mtime
        return stored_outcome(attempt, request, max(0.0, seconds), redaction)

    def _unrecorded_end(self, attempt: AttemptFolder, claim: Claim) -> EvaluationFailed:
        """Return the failure of an attempt that left neither a record of its end nor a result."""
        if attempt.exit.exists():
            return self._lost(attempt, f"{attempt.exit} cannot be read or is of another attempt")
        if claim.of_this_boot() and not claim.can_be_seen():
            unseen = f"process {claim.pid} in another container of this machine started it and cannot be seen from here"
            return EvaluationFailed(
                cause="infrastructure", message="it left no record of its end", lost=True, unseen=unseen
            )
        return self._lost(attempt, _SUPERVISOR_DIED)

    def _lost(self, attempt: AttemptFolder, message: str) -> EvaluationFailed:
        log = Redaction(self.secrets).text(last_text(attempt.supervisor_log)).strip()[-1000:]
        if os.statvfs(attempt.path).f_bavail == 0:
            message += f"; no space is left on the disk of {attempt.path}"
        return EvaluationFailed(cause="infrastructure", message=f"{message}: {log}" if log else message, lost=True)


def _with_ignored(outcome: EvaluationAnswer, lines: ReportLines) -> EvaluationAnswer:
    if isinstance(outcome, EvaluationOngoing):
        return outcome
    noted = outcome.model_copy(update={"notes": bounded([*outcome.notes, *lines.notes()])})
    if not lines.ignored or not isinstance(noted, EvaluationSucceeded):
        return noted
    return noted.model_copy(update={"metadata": {**noted.metadata, "ignored_report_lines": lines.ignored}})
