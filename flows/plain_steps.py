"""The steps of a campaign without an engine."""

import asyncio

from bo_core.propose import propose
from campaign import EvaluationOutcome, Proposal
from flows.job import Execution, ProposalRequest


class PlainSteps:
    """Evaluations in this event loop, proposals in a thread beside it."""

    async def evaluate(self, execution: Execution) -> EvaluationOutcome | None:
        """Run one attempt."""
        return await execution.run()

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        """Return the next points."""
        return await asyncio.to_thread(propose, request.campaign, request.history, request.asked, request.q)
