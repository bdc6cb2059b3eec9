"""The worker's side: claim an attempt, evaluate it, and store its outcome before reporting it."""

import asyncio
import os
import secrets
import socket
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from overnight.campaign import EvaluationFailed, EvaluationOutcome
from overnight.campaign.errors import LedgerError
from overnight.campaign.evaluation import EvaluationReport, cause_text
from overnight.evaluators.attempt_process import ends_with_its_parent
from overnight.evaluators.secrets.environment import Redaction
from overnight.flows.clusters.order import BEAT, CLAIM, OUTCOME, REPORTS, STOP, Claim, Order, outcome_name
from overnight.flows.host.identity import process_started
from overnight.storage import Mailbox, open_mailboxes

# For how long a result is kept in memory when the store does not take it.
_PATIENCE_SECONDS = 3600.0
_LONGEST_PAUSE = 10.0
_LONGEST_MESSAGE = 2000
# To open a bucket takes a quarter of a second of computing, which all attempts of a worker would wait for.
_opened = cache(open_mailboxes)


async def carry_out(order: Order, worker: str = "") -> str:
    """Evaluate an attempt unless it was taken before, and return in words what came of it.

    However often it is called with the same order, and wherever, the attempt is evaluated once. Raises LedgerError
    where the ledger's store does not answer.
    """
    mailbox = _opened(order.ledger, order.request.campaign, Path()).of(order.request.key)
    claim = own_claim(worker)
    if not await mailbox.put(CLAIM, claim.model_dump_json()):
        return "somebody else has taken this attempt, so nothing was evaluated"
    outcome = await _Evaluation(order, mailbox, outcome_name(claim)).run()
    if isinstance(outcome, EvaluationFailed):
        return f"failed ({cause_text(outcome.cause)}): {outcome.message}"
    return ", ".join(f"{name} {found.mean!r}" for name, found in outcome.metrics.items())


def own_claim(worker: str) -> Claim:
    """Return a claim for this process."""
    pid = os.getpid()
    return Claim(
        mark=secrets.token_hex(8),
        host=socket.gethostname(),
        pid=pid,
        started=process_started(pid) or "",
        worker=worker,
        marks_outcome=True,
    )


def that_can_be_told(outcome: EvaluationOutcome) -> EvaluationOutcome:
    """Return the outcome or, where its text could not be written or read again, a failure that says so."""
    try:
        return type(outcome).model_validate_json(outcome.model_dump_json())
    except ValueError as problem:
        why = f"how it ended could not be written down: {problem}"
        return EvaluationFailed(
            cause="invalid_result", message=why[:_LONGEST_MESSAGE], seconds=outcome.seconds, cost=outcome.cost
        )


class _Evaluation:
    """An attempt that this process has taken: what it has reported, and when it last gave a sign of life.

    Its outcome is left under `outcome_name`.
    """

    def __init__(self, order: Order, mailbox: Mailbox, outcome_name: str = OUTCOME) -> None:
        self.order, self.mailbox, self.outcome_name = order, mailbox, outcome_name
        self.reports: list[EvaluationReport] = []
        self.lines = ""
        self.beats = self.passed_on = 0
        self.passing_on = asyncio.Lock()

    async def run(self) -> EvaluationOutcome:
        """Return how it ended, after that is stored."""
        signs = asyncio.create_task(self._give_signs())
        try:
            outcome = that_can_be_told(await self._outcome(signs))
            await self._store(outcome)
        finally:
            signs.cancel()
        return outcome

    async def _outcome(self, signs: asyncio.Task[EvaluationFailed]) -> EvaluationOutcome:
        evaluation = asyncio.create_task(self._evaluate())
        try:
            await asyncio.wait({evaluation, signs}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not evaluation.done():
                evaluation.cancel()
                await asyncio.wait({evaluation})
        return signs.result() if evaluation.cancelled() else evaluation.result()

    async def _evaluate(self) -> EvaluationOutcome:
        # Where this process is stopped, its controller gives the attempt up after twice as long.
        ends_with_its_parent.set(self.order.pulse.silence / 2)
        evaluator, request = self.order.evaluator, self.order.request
        # It may have waited for long: its time begins now.
        request = request.model_copy(update={"deadline": datetime.now(UTC) + evaluator.time_limit})
        try:
            return await evaluator.evaluate(request, attempt_folder(self.order), self.reports.append)
        except Exception as problem:
            # Whatever it was, somebody waits to be told.
            why = Redaction(evaluator.secrets()).text(f"{type(problem).__name__}: {problem}")
            return EvaluationFailed(cause="infrastructure", message=why[:_LONGEST_MESSAGE])

    async def _give_signs(self) -> EvaluationFailed:
        """Give signs of life and pass on reports; return why the evaluation has to end, as soon as it has to."""
        passed, pulse = asyncio.get_running_loop().time, self.order.pulse
        last = passed()
        while True:
            with suppress(LedgerError, TimeoutError):
                async with asyncio.timeout(pulse.silence / 2):
                    await self._give_sign()
                    if await self.mailbox.get(STOP) is not None:
                        return EvaluationFailed(cause="cancelled", message="stopped by its controller")
                # One that comes after a pause as long as that may find that it was given up: it counts for nothing.
                if passed() - last <= pulse.silence / 2:
                    last = passed()
            if passed() - last > pulse.silence / 2:
                why = f"ended itself: for {passed() - last:.0f}s it could leave no sign of life beside the ledger"
                return EvaluationFailed(cause="infrastructure", message=why)
            await asyncio.sleep(pulse.beat)

    async def _give_sign(self) -> None:
        self.beats += 1
        await self.mailbox.replace(BEAT, str(self.beats))
        await self._pass_on_reports()

    async def _pass_on_reports(self) -> None:
        """Leave what was reported since the last time, as one text."""
        async with self.passing_on:
            while self.lines or self.reports:
                # Nothing is added to a text that could not be left before: perhaps it was.
                if not self.lines:
                    self.lines = "\n".join(report.model_dump_json() for report in self.reports)
                    self.reports.clear()
                await self.mailbox.put(f"{REPORTS}{self.passed_on:06d}", self.lines)
                self.passed_on, self.lines = self.passed_on + 1, ""

    async def _store(self, outcome: EvaluationOutcome) -> None:
        patient = AsyncRetrying(
            retry=retry_if_exception_type(LedgerError),
            wait=wait_exponential(max=_LONGEST_PAUSE),
            stop=stop_after_delay(_PATIENCE_SECONDS),
            reraise=True,
        )
        async for attempt in patient:
            with attempt:
                await self._pass_on_reports()
                await self.mailbox.put(self.outcome_name, outcome.model_dump_json())


def attempt_folder(order: Order) -> Path:
    """Return the attempt's own folder on the worker; `OVERNIGHT_WORK` names another place for them there."""
    return Path(os.environ.get("OVERNIGHT_WORK", order.work)) / order.request.key
