"""An evaluator that has all arms of a batch evaluated by one call of another one."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from overnight.campaign import EvaluationFailed, EvaluationRequest
from overnight.campaign.evaluation import (
    Arm,
    ArmResult,
    EvaluationAnswer,
    EvaluationOngoing,
    EvaluationPlaced,
    EvaluationReport,
)
from overnight.evaluators import Report
from overnight.evaluators.around import Around
from overnight.evaluators.evaluator import is_over

_NO_RESULT = ArmResult(problem="expected a result for each arm of the batch, found none for this arm")


@dataclass(frozen=True)
class Together(Around):
    """An Evaluator for arms of batches: the call for each arm waits for those of the others, which share one call.

    That call is made as an attempt at the status quo of the batch. A request without arms is passed on. `ended` holds
    the trials whose arms have ended while their batch goes on; `Marking` tells the evaluator about them.
    """

    ended: set[int] = field(default_factory=set)
    _batches: "dict[str, _Batch]" = field(default_factory=dict)

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer:
        """Evaluate an arm with the others of its batch, and return the outcome of this arm."""
        if not request.arms:
            return await self.evaluator.evaluate(request, folder, report)
        outcome = await self._joined(request, folder, report, recover=False)
        assert outcome is not None
        return outcome

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer | None:
        """Return the outcome of an arm whose controller has died, once all unended arms of its batch are recovered."""
        if not request.arms:
            return await self.evaluator.recover(request, folder, report)
        return await self._joined(request, folder, report, recover=True)

    async def _joined(
        self, request: EvaluationRequest, folder: Path, report: Report, *, recover: bool
    ) -> EvaluationAnswer | None:
        leader = request.arms[0]
        known = self._batches.get(leader.key)
        led, place = _led_by(leader, request), _folder_of(leader, request, folder)
        batch = known or _Batch(self, led, place, recover=recover)
        self._batches[leader.key] = batch
        try:
            return await batch.join(request.trial, report)
        finally:
            if batch.is_over:
                self._batches.pop(leader.key, None)


class _Batch:
    """One call for several arms; it begins once every arm that has not ended has joined."""

    def __init__(self, together: Together, request: EvaluationRequest, folder: Path, *, recover: bool) -> None:
        self._together, self._request, self._folder, self._recover = together, request, folder, recover
        self._missing = {arm.trial for arm in request.arms if not arm.ended}
        self._reports: dict[int, Report] = {}
        self._gone: set[int] = set()
        self._all_here = asyncio.Event()
        self._call: asyncio.Task[EvaluationAnswer | None] | None = None

    @property
    def is_over(self) -> bool:
        """Return whether no arm waits for the call."""
        return not self._reports

    async def join(self, trial: int, report: Report) -> EvaluationAnswer | None:
        """Return the outcome of one arm."""
        self._reports[trial] = report
        self._missing.discard(trial)
        if not self._missing and self._call is None:
            self._call = asyncio.create_task(self._begun())
            self._all_here.set()
        try:
            await self._all_here.wait()
            assert self._call is not None
            return self._of_arm(await asyncio.shield(self._call), trial)
        except asyncio.CancelledError as why:
            return await self._without(trial, why)
        finally:
            self._reports.pop(trial, None)

    async def _begun(self) -> EvaluationAnswer | None:
        evaluator, request = self._together.evaluator, self._request
        if self._recover:
            return await evaluator.recover(request, self._folder, self._hear)
        return await evaluator.evaluate(request, self._folder, self._hear)

    def _hear(self, report: EvaluationReport | EvaluationPlaced) -> None:
        """Pass on a report: to each arm its own part."""
        for trial, tell in self._reports.items():
            if not isinstance(report, EvaluationReport):
                tell(report)
            elif trial in report.arms:
                tell(EvaluationReport(step=report.step, metrics=report.arms[trial]))

    async def _without(self, trial: int, why: asyncio.CancelledError) -> EvaluationAnswer | None:
        """Continue without an arm, or end the call with the last one.

        If the controller leaves, all arms do. Then each of them has its part of what the call answers.
        """
        self._gone.add(trial)
        leaves = not is_over(why)
        if not leaves:
            self._together.ended.add(trial)
        call, last = self._call, self._gone >= self._reports.keys()
        if call is None or not (leaves or last):
            raise why
        if last and not call.cancelling():
            call.cancel(*why.args)
        await asyncio.wait({call})
        if not leaves or call.cancelled():
            raise why
        return self._of_arm(call.result(), trial)

    def _of_arm(self, answer: EvaluationAnswer | None, trial: int) -> EvaluationAnswer | None:
        """Return an arm's part of an answer, with its share of the cost by traffic."""
        if answer is None or isinstance(answer, EvaluationOngoing):
            return answer
        cost = None if answer.cost is None else answer.cost * self._share(trial)
        if isinstance(answer, EvaluationFailed):
            return answer.model_copy(update={"cost": cost})
        found = answer.arms.get(trial, _NO_RESULT)
        notes = (*found.notes, *answer.notes)
        if found.problem is not None:
            return EvaluationFailed(
                cause="invalid_result",
                message=found.problem,
                seconds=answer.seconds,
                cost=cost,
                metrics=found.metrics,
                notes=notes,
            )
        return answer.model_copy(update={"metrics": found.metrics, "arms": {}, "cost": cost, "notes": notes})

    def _share(self, trial: int) -> float:
        traffic = {arm.trial: arm.traffic for arm in self._request.arms}
        return traffic[trial] / sum(traffic.values())


def _led_by(leader: Arm, request: EvaluationRequest) -> EvaluationRequest:
    """Return the request for a whole batch, whichever arm it comes from."""
    return request.model_copy(update={"trial": leader.trial, "key": leader.key, "parameters": leader.parameters})


def _folder_of(leader: Arm, request: EvaluationRequest, folder: Path) -> Path:
    """Return the attempt folder of the leader, given that of another arm: the folders lie where their keys say."""
    return Path(str(folder).removesuffix(request.key) + leader.key)
