"""An evaluator that starts each evaluation once, and calls another one again until the evaluation has ended."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from overnight.campaign import EvaluationFailed, EvaluationRequest, EvaluationSucceeded
from overnight.campaign.evaluation import (
    EvaluationAnswer,
    EvaluationOngoing,
    EvaluationOutcome,
    EvaluationPlaced,
    EvaluationReport,
)
from overnight.campaign.values.duration import format_duration
from overnight.evaluators import Report
from overnight.evaluators.around import Around
from overnight.evaluators.evaluator import is_over
from overnight.evaluators.ongoing.polling import Polling
from overnight.flows.host.attempt_key import look_name
from overnight.flows.host.clock import Clock

_FIRST_PAUSE = 10.0
_MOST_DOUBLINGS = 20
# A machine may sleep and a clock may be set, so a long wait looks at the clock now and then.
_LONGEST_SLEEP = 600.0
# How often an evaluation is asked to end if the machine or the network fails; no later controller would ask again.
_TRIES_TO_CANCEL = 3
# A look that fails like this says nothing about the evaluation, which continues elsewhere.
_OF_THE_LOOK = ("infrastructure", "timeout", "cancelled")


@dataclass(frozen=True)
class Polled(Around):
    """An Evaluator whose evaluations continue after their processes have ended; `evaluator` starts and ends them.

    Each call of `evaluator` is short and runs to its end, or to its time limit, whatever happens to the attempt: to end
    it half-way could leave an evaluation whose handle is unknown. If the attempt is cancelled because its trial is
    over, the evaluation is ended, too. After any other cancellation, and if the campaign has to stop, it is left as it
    is, and the answer is its handle. `limited_by` is the key of the campaign file that limits its length.
    """

    polling: Polling
    clock: Clock
    notify: Callable[[str], None] = lambda text: None
    limited_by: str = "polled.at_most"

    @property
    def time_limit(self) -> timedelta:
        """Return how long an evaluation may continue."""
        return self.polling.at_most

    @property
    def patience(self) -> timedelta:
        """Return how much longer an attempt may take: for the last look, and for the calls that end the evaluation."""
        call = self.evaluator.patience + self.evaluator.time_limit + self.evaluator.grace
        pauses = timedelta(seconds=_FIRST_PAUSE * 2**_TRIES_TO_CANCEL)
        return (2 + _TRIES_TO_CANCEL) * call + pauses

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer:
        """Start the evaluation, follow it and return how it ended, or its handle if it is left."""
        answer = await self._course(request, folder, report).begun(self.evaluator.evaluate)
        assert answer is not None
        return answer

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer | None:
        """Follow the evaluation of another controller by its handle or, if none is recorded, find out how it began."""
        course = self._course(request, folder, report)
        if request.handle is not None:
            return await course.taken_over(request.handle)
        return await course.begun(self.evaluator.recover)

    def _course(self, request: EvaluationRequest, folder: Path, report: Report) -> "_Course":
        ends = request.deadline or self.clock.now() + self.polling.at_most
        return _Course(self, request, folder, report, ends, request.look)


@dataclass
class _Course:
    """The course of one evaluation: `last` is its latest answer, `look` the number of looks, `left` why to leave it.

    `missed` is why the last look failed, None if it did not.
    """

    by: Polled
    request: EvaluationRequest
    folder: Path
    report: Report
    ends: datetime
    look: int
    last: EvaluationOngoing | None = None
    left: asyncio.CancelledError | None = None
    missed: str | None = None

    async def begun(
        self, call: Callable[[EvaluationRequest, Path, Report], Coroutine[Any, Any, EvaluationAnswer | None]]
    ) -> EvaluationAnswer | None:
        """Return the end of an evaluation that this call starts or recovers; None if the call finds nothing."""
        request = self.request.model_copy(update={"deadline": self._deadline_of_call()})
        answer = await self._to_its_end(call(request, self.folder, self.report))
        if isinstance(answer, EvaluationOngoing):
            self._note(answer)
            return answer if answer.stop is not None else await self._followed(self._pause_after(answer))
        if isinstance(answer, EvaluationFailed) and answer.handle is not None:
            return await self._begun_badly(answer, EvaluationOngoing(handle=answer.handle))
        return answer

    async def _begun_badly(self, answer: EvaluationFailed, ongoing: EvaluationOngoing) -> EvaluationAnswer:
        """Return the end of an evaluation that may have begun although its start failed: only looks find out."""
        if answer.cause in _OF_THE_LOOK:
            self._note(ongoing)
            self._warn_once("the start of its evaluation", answer)
            return await self._followed(_pause_after_misses(0, self.by.polling.every), misses=1)
        self.last = ongoing
        await self._asked_to_end()
        return answer

    async def taken_over(self, handle: str) -> EvaluationAnswer:
        """Return the end of an evaluation whose handle another controller has recorded."""
        self.last = EvaluationOngoing(handle=handle)
        return await self._followed(pause=0.0)

    async def _followed(self, pause: float, misses: int = 0) -> EvaluationAnswer:
        while await self._waited(pause):
            answer = await self._look_at_it()
            if isinstance(answer, EvaluationOngoing):
                self._note(answer)
                if answer.stop is not None:
                    return answer
                self.missed, misses, pause = None, 0, self._pause_after(answer)
            elif isinstance(answer, EvaluationFailed) and answer.cause in _OF_THE_LOOK:
                self._warn_once("a look at its evaluation", answer)
                misses, pause = misses + 1, _pause_after_misses(misses, self.by.polling.every)
            else:
                return await self._ended(answer)
            if self._seconds_left() <= 0 and self.left is None:
                return await self._ended_for_its_length()
        return await self._left()

    async def _look_at_it(self) -> EvaluationAnswer:
        self.look += 1
        answer = await self._call()
        if isinstance(answer, EvaluationFailed) and answer.cause in _OF_THE_LOOK:
            # It is repeated under the same number.
            self.look -= 1
        return answer

    async def _call(self, *, cancel: bool = False) -> EvaluationAnswer:
        assert self.last is not None
        name = look_name(self.look)
        request = self.request.model_copy(
            update={
                "key": f"{self.request.key}/{name}",
                "deadline": self._deadline_of_call(),
                "handle": self.last.handle,
                "look": self.look,
                "cancel": cancel,
            }
        )
        try:
            return await self._to_its_end(self.by.evaluator.evaluate(request, self.folder / name, self.report))
        except Exception as problem:
            return EvaluationFailed(cause="infrastructure", message=f"{type(problem).__name__}: {problem}")

    async def _to_its_end(self, call: Coroutine[Any, Any, Any]) -> Any:
        """Return what a call answers, even if the attempt is cancelled in the meantime."""
        task = asyncio.create_task(call)
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError as why:
                self.left = self.left or why
        return task.result()

    async def _waited(self, seconds: float) -> bool:
        """Wait for the next look, at most until the evaluation has to end; return whether to look."""
        try:
            due = self.by.clock.now() + timedelta(seconds=min(seconds, max(self._seconds_left(), 0.0)))
            while self.left is None and (rest := (due - self.by.clock.now()).total_seconds()) > 0:
                await self.by.clock.sleep(min(rest, _LONGEST_SLEEP))
        except asyncio.CancelledError as why:
            self.left = self.left or why
        return self.left is None

    def _note(self, answer: EvaluationOngoing) -> None:
        """Report the handle if it is new, and the measurements so far."""
        if self.last is None or self.last.handle != answer.handle:
            self.report(EvaluationPlaced(handle=answer.handle))
        if answer.metrics or answer.arms:
            step = self.look if answer.step is None else answer.step
            arms = {trial: found.metrics for trial, found in answer.arms.items() if found.metrics}
            self.report(EvaluationReport(step=step, metrics=answer.metrics, arms=arms))
        cost = answer.cost if answer.cost is not None or self.last is None else self.last.cost
        self.last = answer.model_copy(update={"cost": cost})

    async def _left(self) -> EvaluationAnswer:
        assert self.left is not None
        assert self.last is not None
        if not is_over(self.left):
            return self.last
        return await self._cancelled("cancelled", f"it was cancelled (handle {self.last.handle})")

    async def _ended_for_its_length(self) -> EvaluationOutcome:
        assert self.last is not None
        limit = format_duration(self.by.polling.at_most)
        why = f"it had not ended after {limit} (`{self.by.limited_by}`) and was cancelled (handle {self.last.handle})"
        why += "" if self.missed is None else f"; the last look failed: {self.missed}"
        return await self._cancelled("timeout", why)

    async def _ended(self, answer: EvaluationOutcome) -> EvaluationOutcome:
        """Return the end that a look has found; an evaluation whose looks cannot continue is not left to itself."""
        if isinstance(answer, EvaluationFailed) and answer.cause in ("configuration", "invalid_result"):
            await self._asked_to_end()
        return self._with_cost(answer)

    async def _cancelled(self, cause: Any, why: str) -> EvaluationOutcome:
        """End the evaluation and return how the attempt ended, with everything that was measured last.

        The arms of a batch keep their results: they ran for the same time, and their errors tell how short it was.
        """
        answer = await self._asked_to_end()
        if isinstance(answer, EvaluationSucceeded) and (cause == "cancelled" or answer.arms):
            return self._with_cost(answer)
        metrics = {} if isinstance(answer, EvaluationOngoing) else answer.metrics
        return self._with_cost(EvaluationFailed(cause=cause, message=why, cost=answer.cost, metrics=metrics))

    async def _asked_to_end(self) -> EvaluationAnswer:
        """Ask the evaluator to end the evaluation; if that fails, a person has to know."""
        assert self.last is not None
        answer = await self._call(cancel=True)
        for misses in range(_TRIES_TO_CANCEL - 1):
            if not isinstance(answer, EvaluationFailed) or answer.cause != "infrastructure":
                break
            await self._to_its_end(self.by.clock.sleep(_pause_after_misses(misses, self.by.polling.every)))
            answer = await self._call(cancel=True)
        failed = isinstance(answer, EvaluationFailed) and answer.cause not in ("invalid_result", "infeasible")
        if failed or isinstance(answer, EvaluationOngoing):
            said = (
                answer.message if isinstance(answer, EvaluationFailed) else "the evaluator answers that it is running"
            )
            self.by.notify(
                f"Trial {self.request.trial}: its evaluation {self.last.handle} may still be running, because it could "
                f"not be cancelled: {said}. End it by hand."
            )
        return answer

    def _warn_once(self, what: str, answer: EvaluationFailed) -> None:
        """Remember why a call failed, and report it if the call before did not fail."""
        if self.missed is None:
            self.by.notify(f"Trial {self.request.trial}: {what} failed and will be repeated: {answer.message}")
        self.missed = answer.message

    def _with_cost(self, outcome: EvaluationOutcome) -> EvaluationOutcome:
        """Return the outcome with the latest known cost, if it has none of its own."""
        assert self.last is not None
        return outcome if outcome.cost is not None else outcome.model_copy(update={"cost": self.last.cost})

    def _pause_after(self, answer: EvaluationOngoing) -> float:
        return self.by.polling.every.total_seconds() if answer.again_in is None else answer.again_in

    def _seconds_left(self) -> float:
        return (self.ends - self.by.clock.now()).total_seconds()

    def _deadline_of_call(self) -> datetime:
        return self.by.clock.now() + self.by.evaluator.time_limit


def _pause_after_misses(misses: int, every: timedelta) -> float:
    """Return the seconds until a failed call is repeated; they double up to the usual pause."""
    return min(_FIRST_PAUSE * 2.0 ** min(misses, _MOST_DOUBLINGS), every.total_seconds())
