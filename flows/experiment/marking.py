"""An evaluator that tells another one which arms of a batch have ended."""

from dataclasses import dataclass, field
from pathlib import Path

from overnight.campaign import EvaluationRequest
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.evaluators import Report
from overnight.evaluators.around import Around


@dataclass(frozen=True)
class Marking(Around):
    """An Evaluator whose requests mark the arms of the `ended` trials, a set that grows while a batch is evaluated."""

    ended: set[int] = field(default_factory=set)

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer:
        """Evaluate the marked request."""
        return await self.evaluator.evaluate(self._marked(request), folder, report)

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer | None:
        """Recover the marked request."""
        return await self.evaluator.recover(self._marked(request), folder, report)

    def _marked(self, request: EvaluationRequest) -> EvaluationRequest:
        if not any(arm.trial in self.ended for arm in request.arms):
            return request
        arms = (arm.model_copy(update={"ended": arm.ended or arm.trial in self.ended}) for arm in request.arms)
        return request.model_copy(update={"arms": tuple(arms)})
