"""What a controller needs to run one campaign, and the two steps that an engine may wrap."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from bo_core import AnyProposer
from bo_core.propose import propose
from campaign import Campaign, EvaluationOutcome, EvaluationRequest, History, Proposal
from campaign.evaluation import EvaluationReport
from evaluators import Evaluator
from flows.lease import Rhythm
from storage import Ledger


@dataclass(frozen=True)
class Job:
    """A campaign with its plugged-in parts; `ignore_window` runs it at any time of day."""

    campaign: Campaign
    evaluator: Evaluator
    proposer: AnyProposer
    ledger: Ledger
    work: Path
    settings: dict[str, Any] = field(default_factory=dict)
    rhythm: Rhythm = field(default_factory=Rhythm)
    ignore_window: bool = False


@dataclass(frozen=True)
class Execution:
    """One attempt as an evaluator gets it; `recover` asks for the outcome of one that was started before."""

    evaluator: Evaluator
    request: EvaluationRequest
    folder: Path
    report: Callable[[EvaluationReport], None]
    recover: bool

    @property
    def longest(self) -> timedelta:
        """Return after how long it has ended by itself: its time limit, and its wait for a worker."""
        return self.evaluator.time_limit + getattr(self.evaluator, "patience", timedelta())

    async def run(self) -> EvaluationOutcome | None:
        """Evaluate or recover; None only from a recovery that found nothing."""
        if self.recover:
            return await self.evaluator.recover(self.request, self.folder, self.report)
        return await self.evaluator.evaluate(self.request, self.folder, self.report)


def evaluation_seed(campaign: Campaign, trial: int) -> int:
    """Return the seed that a trial's evaluations get: below 2³², the same for each attempt."""
    digest = hashlib.sha256(f"overnight evaluation {campaign.seed} {trial}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


class Steps(Protocol):
    """The two things that take time; an engine may run them elsewhere and show them."""

    async def evaluate(self, execution: Execution) -> EvaluationOutcome | None:
        """Run one attempt."""
        ...

    async def propose(self, job: Job, history: History, q: int) -> list[Proposal]:
        """Return the next q points."""
        ...


class PlainSteps:
    """The steps without an engine: evaluations in this event loop, proposals in a thread beside it."""

    async def evaluate(self, execution: Execution) -> EvaluationOutcome | None:
        """Run one attempt."""
        return await execution.run()

    async def propose(self, job: Job, history: History, q: int) -> list[Proposal]:
        """Return the next q points."""
        return await asyncio.to_thread(propose, job.campaign, history, job.proposer, q)
