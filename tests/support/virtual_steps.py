"""Steps that take virtual time."""

import asyncio
from collections.abc import Callable

from overnight.bo_core.propose import propose
from overnight.campaign import Proposal
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.flows.controller.job import Execution
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.proposing.settings import ProposerUnavailable


class VirtualSteps:
    """Proposals take the given virtual seconds, and fail if `away` is true; each request is recorded."""

    def __init__(self, seconds: float = 0.0, away: Callable[[int], bool] = lambda asked: False) -> None:
        self.seconds, self.away = seconds, away
        self.requests: list[ProposalRequest] = []

    async def evaluate(self, execution: Execution) -> EvaluationAnswer | None:
        return await execution.run()

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        own = request.stand_in is None
        if own:
            self.requests.append(request)
            asked = len(self.requests)
            await asyncio.sleep(self.seconds)
            if self.away(asked):
                raise ProposerUnavailable("the GPU is on holiday")
        return propose(request.campaign, request.history, request.asked, request.q)
