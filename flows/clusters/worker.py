"""The worker's side: claim an attempt, evaluate it, and store its outcome before reporting it."""

import asyncio
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from overnight.campaign import EvaluationFailed, EvaluationRequest
from overnight.campaign.errors import LedgerError
from overnight.campaign.evaluation import (
    EvaluationAnswer,
    EvaluationOngoing,
    EvaluationPlaced,
    EvaluationReport,
    cause_text,
)
from overnight.evaluators.attempt_process import ends_with_its_parent
from overnight.evaluators.processes.attempt_folder import AttemptFolder
from overnight.evaluators.secrets.environment import Redaction
from overnight.flows.clusters.claims import ClaimedLate, take
from overnight.flows.clusters.order import BEAT, OUTCOME, REPORTS, STOP, Claim, Order, left_name, outcome_name
from overnight.flows.host.identity import process_started
from overnight.storage import Mailbox, open_mailboxes

# How long a result is kept in memory if the store does not accept it.
_PATIENCE_SECONDS = 3600.0
_LONGEST_PAUSE = 10.0
_LONGEST_MESSAGE = 2000
_EARLIER_RUN, _LOG_OF_JOB = "run-", "job.log"
# How much later a job may learn of its interruption than the processes of its evaluation.
_MOMENT = 1.0
# Opening a bucket takes a quarter of a second of computing, for which all attempts of a worker would wait.
_opened = cache(open_mailboxes)


@dataclass
class JobRun:
    """A run of a job that its cluster may interrupt, and run again under the same name with a higher `number`.

    `interrupted` is set when the cluster asks the job to end. `log` is the file with the job's own output.
    """

    number: int
    log: Path
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)


async def carry_out(order: Order, worker: str = "", job: JobRun | None = None) -> str:
    """Evaluate an attempt, unless it was claimed before, and return the result in words.

    The attempt is evaluated once, no matter how often and on which machines this is called with the same order. Only a
    later run of an interrupted `job` evaluates it again. Raises LedgerError if the ledger's store does not answer.
    """
    mailbox = _opened(order.ledger, order.request.campaign, Path()).of(order.request.key)
    claim = own_claim(worker, None if job is None else job.number)
    evaluation = _Evaluation(order, mailbox, outcome_name(claim), job, left_name(claim))
    try:
        number = await take(mailbox, claim, order)
    except ClaimedLate as problem:
        outcome = await evaluation.refuse(str(problem))
    else:
        if number is None:
            return "this attempt was taken before, so nothing was evaluated"
        if number > 0:
            await evaluation.follow_run(number - 1)
        outcome = await evaluation.run()
    if outcome is None:
        return "interrupted by the cluster"
    if isinstance(outcome, EvaluationFailed):
        return f"failed ({cause_text(outcome.cause)}): {outcome.message}"
    if isinstance(outcome, EvaluationOngoing):
        return f"goes on as {outcome.handle}"
    return ", ".join(f"{name} {found.mean!r}" for name, found in outcome.metrics.items())


def own_claim(worker: str, run: int | None = None) -> Claim:
    """Return a claim for this process."""
    pid = os.getpid()
    return Claim(
        mark=secrets.token_hex(8),
        host=socket.gethostname(),
        pid=pid,
        started=process_started(pid) or "",
        worker=worker,
        marks_outcome=True,
        run=run,
    )


def transmissible(outcome: EvaluationAnswer) -> EvaluationAnswer:
    """Return the outcome or, if its text could not be written or read again, a failure with the reason."""
    try:
        return type(outcome).model_validate_json(outcome.model_dump_json())
    except ValueError as problem:
        why = f"its outcome could not be recorded: {problem}"
        seconds = 0.0 if isinstance(outcome, EvaluationOngoing) else outcome.seconds
        return EvaluationFailed(
            cause="invalid_result", message=why[:_LONGEST_MESSAGE], seconds=seconds, cost=outcome.cost
        )


class _Evaluation:
    """An attempt that this process has claimed, with its reports and its signs of life.

    Its outcome is stored under `outcome_name`. If its `job` is interrupted first, a note under `left_name` is stored
    instead, once nothing of the evaluation is left.
    """

    def __init__(
        self,
        order: Order,
        mailbox: Mailbox,
        outcome_name: str = OUTCOME,
        job: JobRun | None = None,
        left_name: str = "",
    ) -> None:
        self.order, self.mailbox, self.outcome_name = order, mailbox, outcome_name
        self.job, self.left_name = job, left_name
        self.earlier: int | None = None
        self.reports: list[EvaluationReport | EvaluationPlaced] = []
        self.lines = ""
        self.beats = self.passed_on = 0
        self.passing_on = asyncio.Lock()

    async def follow_run(self, earlier: int) -> None:
        """Continue the attempt of the run before this one: after its files and its reports."""
        self.earlier = earlier
        self.passed_on = sum(name.startswith(REPORTS) for name in await self.mailbox.names())

    async def refuse(self, why: str) -> EvaluationFailed:
        """Store a failure instead of evaluating the attempt."""
        outcome = EvaluationFailed(cause="infrastructure", message=why)
        await self._store(self.outcome_name, outcome)
        return outcome

    async def run(self) -> EvaluationAnswer | None:
        """Evaluate the attempt, and return its outcome once that is stored; None if its job was interrupted."""
        signs = asyncio.create_task(self._give_signs())
        try:
            found = await self._outcome(signs)
            outcome = None if found is None else transmissible(found)
            await self._store(self.left_name if outcome is None else self.outcome_name, outcome)
        finally:
            signs.cancel()
        return outcome

    async def _outcome(self, signs: asyncio.Task[EvaluationFailed]) -> EvaluationAnswer | None:
        evaluation = asyncio.create_task(self._evaluate())
        interruption = [] if self.job is None else [asyncio.create_task(self.job.interrupted.wait())]
        try:
            await asyncio.wait({evaluation, signs, *interruption}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in interruption:
                waiting.cancel()
            if not evaluation.done():
                evaluation.cancel()
                await asyncio.wait({evaluation})
        if evaluation.cancelled():
            return signs.result() if signs.done() else None
        outcome = evaluation.result()
        return None if isinstance(outcome, EvaluationFailed) and await self._was_interrupted() else outcome

    async def _was_interrupted(self) -> bool:
        """Return whether the cluster has asked the job to end.

        It asks the processes of the evaluation at the same time, so they may be seen to end a moment earlier.
        """
        if self.job is None:
            return False
        with suppress(TimeoutError):
            await asyncio.wait_for(self.job.interrupted.wait(), _MOMENT)
        return self.job.interrupted.is_set()

    async def _evaluate(self) -> EvaluationAnswer:
        # If this process is stopped, its controller gives the attempt up after twice this time.
        ends_with_its_parent.set(self.order.pulse.silence / 2)
        evaluator, request = self.order.evaluator, self.order.request
        folder = attempt_folder(self.order)
        # The attempt may have waited for long: its time begins now.
        request = request.model_copy(update={"deadline": datetime.now(UTC) + evaluator.time_limit})
        try:
            if self.earlier is not None:
                if (stored := await self._stored_by_earlier_run(request, folder)) is not None:
                    return stored
                _put_aside(folder, self.earlier)
            if self.job is not None:
                _link_log(folder, self.job.log)
            return await evaluator.evaluate(request, folder, self.reports.append)
        except Exception as problem:
            # Even after an unexpected error, the controller waits for an outcome.
            why = Redaction(evaluator.secrets()).text(f"{type(problem).__name__}: {problem}")
            return EvaluationFailed(cause="infrastructure", message=why[:_LONGEST_MESSAGE])

    async def _stored_by_earlier_run(self, request: EvaluationRequest, folder: Path) -> EvaluationAnswer | None:
        """Return the outcome that an interrupted evaluation had reached by itself; None if it has to begin again.

        On its own machine, this also ends what may be left of it.
        """
        found = await self.order.evaluator.recover(request, folder, lambda report: None)
        ended_from_outside = isinstance(found, EvaluationFailed) and found.cause in ("infrastructure", "cancelled")
        return None if ended_from_outside else found

    async def _give_signs(self) -> EvaluationFailed:
        """Give signs of life and pass on reports; return the reason once the evaluation has to end."""
        passed, pulse = asyncio.get_running_loop().time, self.order.pulse
        last = passed()
        while True:
            with suppress(LedgerError, TimeoutError):
                async with asyncio.timeout(pulse.silence / 2):
                    await self._give_sign()
                    if await self.mailbox.get(STOP) is not None:
                        return EvaluationFailed(cause="cancelled", message="stopped by its controller")
                # A sign after a longer pause does not count: the attempt may have been given up by then.
                if passed() - last <= pulse.silence / 2:
                    last = passed()
            if passed() - last > pulse.silence / 2:
                why = f"ended itself: it could not leave a sign of life in the mailbox for {passed() - last:.0f}s"
                return EvaluationFailed(cause="infrastructure", message=why)
            await asyncio.sleep(pulse.beat)

    async def _give_sign(self) -> None:
        self.beats += 1
        await self.mailbox.replace(BEAT, str(self.beats))
        await self._pass_on_reports()

    async def _pass_on_reports(self) -> None:
        """Store the reports since the last time as one text."""
        async with self.passing_on:
            while self.lines or self.reports:
                # A text that could not be stored before stays as it is: perhaps it was stored after all.
                if not self.lines:
                    self.lines = "\n".join(report.model_dump_json() for report in self.reports)
                    self.reports.clear()
                await self.mailbox.put(f"{REPORTS}{self.passed_on:06d}", self.lines)
                self.passed_on, self.lines = self.passed_on + 1, ""

    async def _store(self, name: str, outcome: EvaluationAnswer | None) -> None:
        patient = AsyncRetrying(
            retry=retry_if_exception_type(LedgerError),
            wait=wait_exponential(max=_LONGEST_PAUSE),
            stop=stop_after_delay(_PATIENCE_SECONDS),
            reraise=True,
        )
        async for attempt in patient:
            with attempt:
                await self._pass_on_reports()
                await self.mailbox.put(name, "" if outcome is None else outcome.model_dump_json())


def attempt_folder(order: Order) -> Path:
    """Return the attempt's own folder on the worker; `OVERNIGHT_WORK` names another work folder there."""
    return Path(os.environ.get("OVERNIGHT_WORK", order.work)) / order.request.key


def _put_aside(folder: Path, run: int) -> None:
    """Move the files of an earlier run into a folder of their own; the folder for artifacts stays in place.

    So the next run begins in an empty folder, but finds the checkpoints that the earlier one left among its artifacts.
    """
    attempt = AttemptFolder.at(folder)
    aside = attempt.path / f"{_EARLIER_RUN}{run}"
    aside.mkdir(mode=0o700, exist_ok=True)
    for entry in list(attempt.path.iterdir()):
        if entry != attempt.artifacts and not entry.name.startswith(_EARLIER_RUN):
            entry.replace(aside / entry.name)


def _link_log(folder: Path, log: Path) -> None:
    """Let people find the job's own output from the attempt's folder."""
    attempt = AttemptFolder.at(folder)
    with suppress(OSError):
        (attempt.path / _LOG_OF_JOB).symlink_to(log)
