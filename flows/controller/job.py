"""The parts that a controller needs to run one campaign, and the two steps that an engine may wrap."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from overnight.bo_core import AnyProposer
from overnight.campaign import Campaign, EvaluationOutcome, EvaluationRequest, Proposal
from overnight.campaign.evaluation import EvaluationReport
from overnight.evaluators import Evaluator
from overnight.evaluators.sources import Sources
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.proposing.settings import Proposing
from overnight.flows.session.lease import Rhythm
from overnight.storage import Ledger


@dataclass(frozen=True)
class Job:
    """A campaign with its plugged-in parts; `ignore_window` runs it at any time of day.

    `here` says that evaluations run on this machine, with their files in the work folder. `sources` are the
    hashes of the evaluator's files as they are when it is called; `refuse_changed` lets no changed one measure.
    """

    campaign: Campaign
    evaluator: Evaluator
    proposer: AnyProposer
    ledger: Ledger
    work: Path
    settings: dict[str, Any] = field(default_factory=dict)
    rhythm: Rhythm = field(default_factory=Rhythm)
    ignore_window: bool = False
    here: bool = True
    sources: Callable[[], Sources] = dict
    refuse_changed: bool = False
    proposing: Proposing = field(default_factory=Proposing)


@dataclass(frozen=True)
class Execution:
    """One attempt as an evaluator gets it; `recover` asks for the outcome of one that was started before.

    `begun` is set once the evaluator has been asked. That is done in a task of its own, `asked`, which an engine that
    gives the attempt up does not disturb while it ends what it has started.
    """

    evaluator: Evaluator
    request: EvaluationRequest
    folder: Path
    report: Callable[[EvaluationReport], None]
    recover: bool
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    asked: "list[asyncio.Task[EvaluationOutcome | None]]" = field(default_factory=list)

    @property
    def longest(self) -> timedelta:
        """Return after how long it has ended by itself: its time limit, its time to end, and its wait for a worker."""
        return self.evaluator.time_limit + self.evaluator.grace + self.evaluator.patience

    async def run(self) -> EvaluationOutcome | None:
        """Evaluate or recover; None only from a recovery that found nothing. When cancelled, it is ended first."""
        self.asked.append(asyncio.create_task(self._ask()))
        return await self.outcome()

    async def outcome(self) -> EvaluationOutcome | None:
        """Return how it ends, once it was asked for; when cancelled, it is ended first."""
        task = self.asked[-1]
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await self._interrupt(task)
            await asyncio.wait({task})
            return task.result()

    async def end(self) -> EvaluationOutcome | None:
        """End it, however often that is interrupted; return its outcome, or raise CancelledError where it has none."""
        task = self.asked[-1]
        while not task.done():
            with suppress(asyncio.CancelledError):
                await self._interrupt(task)
                await asyncio.wait({task})
        return task.result()

    async def _ask(self) -> EvaluationOutcome | None:
        self.begun.set()
        if self.recover:
            return await self.evaluator.recover(self.request, self.folder, self.report)
        return await self.evaluator.evaluate(self.request, self.folder, self.report)

    async def _interrupt(self, task: "asyncio.Task[EvaluationOutcome | None]") -> None:
        # An evaluator that is cancelled before it has begun ends nothing, and one that is ending would be disturbed.
        await self.begun.wait()
        if not task.cancelling():
            task.cancel()


def evaluation_seed(campaign: Campaign, trial: int) -> int:
    """Return the seed that a trial's evaluations get: below 2³², the same for each attempt."""
    digest = hashlib.sha256(f"overnight evaluation {campaign.seed} {trial}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


class Steps(Protocol):
    """The two things that take time; an engine may run them elsewhere and show them."""

    async def evaluate(self, execution: Execution) -> EvaluationOutcome | None:
        """Run one attempt."""
        ...

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        """Return the points; raises ProposerAway where whoever computes them gives no answer."""
        ...
