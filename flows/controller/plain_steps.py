"""The steps of a campaign without an engine."""

import asyncio

from overnight.bo_core.propose import propose
from overnight.campaign import Proposal
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.flows.controller.job import Execution
from overnight.flows.proposing.request import ProposalRequest


class PlainSteps:
    """Evaluations in this event loop, proposals in a thread."""

    async def evaluate(self, execution: Execution) -> EvaluationAnswer | None:
        """Run one attempt."""
        return await execution.run()

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        """Return the next points."""
        return await asyncio.to_thread(propose, request.campaign, request.history, request.asked, request.q)
