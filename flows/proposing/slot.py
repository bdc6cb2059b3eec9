"""The local slot for proposals: one process that can be killed and replaced.

The process holds torch and the GPU, so the controller needs neither, and a computation that hangs blocks nothing else.
"""

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from overnight.campaign import Proposal
from overnight.campaign.recommendation import Computed
from overnight.campaign.values.duration import format_duration
from overnight.evaluators.processes.private_folder import open_private, private_folder
from overnight.evaluators.secrets.environment import Redaction
from overnight.flows.host.own_packages import own_module
from overnight.flows.proposing.likely_secrets import likely_secrets
from overnight.flows.proposing.messages import Answer, Question, RecommendationQuestion
from overnight.flows.proposing.settings import ProposerUnavailable

# An answer is one line, even with many points and their provenance.
_LONGEST_LINE = 2**28
_LAST_WORDS = 2000


class ProposalSlot:
    """Asks one process, one question at a time; the process is started by `warm_up` or by the first question.

    Its error messages are recorded permanently, so the values of variables that look like secrets, and of those in
    `secrets`, are replaced by their names.
    """

    def __init__(self, log: Path, time_limit: timedelta, secrets: Mapping[str, str] | None = None) -> None:
        self._log, self._log_begins, self._time_limit = log, 0, time_limit
        # The process gets our whole environment, which may hold the credentials for the ledger.
        self._redaction = Redaction({**likely_secrets(os.environ), **(secrets or {})})
        self._process: Process | None = None
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> "ProposalSlot":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._kill()

    async def warm_up(self) -> None:
        """Start the process before it is needed, because its imports take seconds."""
        async with self._one_at_a_time:
            await self._living()

    async def ask(self, question: Question) -> list[Proposal]:
        """Return the points.

        Raises CannotPropose if no point is possible, ProposerUnavailable if no answer came in time.
        """
        return (await self._answer(question)).points()

    async def recommended(self, question: RecommendationQuestion) -> Computed | None:
        """Return the recommendation, None before the first observation; raises as `ask` does."""
        return (await self._answer(question)).recommendation()

    async def _answer(self, question: Question | RecommendationQuestion) -> Answer:
        async with self._one_at_a_time:
            try:
                process = await self._living()
            except OSError as problem:
                raise ProposerUnavailable(
                    f"the process that computes proposals could not be started: {problem}"
                ) from problem
            try:
                line = await asyncio.wait_for(_answered(process, question), self._time_limit.total_seconds())
            except TimeoutError:
                await self._kill()
                limit = format_duration(self._time_limit)
                raise ProposerUnavailable(f"no answer came within {limit} (`proposing.time_limit`)") from None
            except asyncio.CancelledError:
                # The late answer would be mistaken for the answer to the next question.
                await self._kill()
                raise
            if not line.endswith(b"\n"):
                # It may have died in the middle of its answer.
                await self._kill()
                raise ProposerUnavailable(
                    f"the process that computes proposals died ({self._log}): {self._last_words()}"
                )
        answer = Answer.model_validate_json(line)
        return answer.model_copy(update={"why": answer.why and self._redacted_end(answer.why)})

    async def _living(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            private_folder(self._log.parent)
            with open_private(self._log) as log:
                self._log_begins = log.tell()
                self._process = await asyncio.create_subprocess_exec(
                    *own_module("overnight.flows.proposing.process", str(os.getpid())),
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=log,
                    limit=_LONGEST_LINE,
                    # Ctrl-C is for the controller, which may want another answer while it drains.
                    start_new_session=True,
                )
        return self._process

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _last_words(self) -> str:
        try:
            printed = self._log.read_bytes()[self._log_begins :].decode(errors="replace")
        except OSError as problem:
            return f"its log cannot be read ({problem})"
        return self._redacted_end(printed) or "it printed nothing"

    def _redacted_end(self, text: str) -> str:
        """Return the end of a text, without secrets."""
        return self._redaction.text(text)[-_LAST_WORDS:].strip()


async def _answered(process: Process, question: Question | RecommendationQuestion) -> bytes:
    """Return the line of the answer; it is empty or cut off if the process died."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):
        process.stdin.write(question.model_dump_json().encode() + b"\n")
        await process.stdin.drain()
    return await process.stdout.readline()
