"""The parts that a controller needs to run one campaign, and the two steps that an engine may wrap."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from overnight.bo_core import AnyProposer
from overnight.campaign import Campaign, EvaluationRequest, Proposal
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.campaign.parameters import Value
from overnight.campaign.recommendation import Computed
from overnight.evaluators import Evaluator, Report
from overnight.evaluators.evaluator import TRIAL_IS_OVER
from overnight.evaluators.sources import Sources
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.proposing.settings import Proposing
from overnight.flows.session.lease import Rhythm
from overnight.storage import Ledger


@dataclass(frozen=True)
class Job:
    """A campaign with its parts; `ignore_window` runs it at any time of day.

    `here` is true if evaluations run on this machine, with their files in the work folder, and `leaves_output` if they
    leave their output there. `sources` returns the current hashes of the evaluator's files; with `refuse_changed`, a
    changed evaluator is not called. `recommend` returns the recommendation after so many events, which the controller
    records when it ends; without it, nothing is recorded. With `goes_on`, evaluations continue after their processes
    have ended: a controller that ends leaves them to the next one, and they need not fit into the window. `fix` keeps
    parameters at values during this run.
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
    leaves_output: bool = True
    sources: Callable[[], Sources] = dict
    refuse_changed: bool = False
    proposing: Proposing = field(default_factory=Proposing)
    recommend: Callable[[int], Awaitable[Computed | None]] | None = None
    goes_on: bool = False
    fix: Mapping[str, Value] = field(default_factory=dict[str, Value])


@dataclass(frozen=True)
class Execution:
    """One attempt as an evaluator receives it; `recover` asks for the outcome of an attempt that was started before.

    `begun` is set once the evaluator is called or never will be, and `over` if the trial has ended before the attempt.
    The evaluator is called in a task of its own, `asked`: an engine that gives the attempt up does not disturb the
    evaluator while it ends its processes.
    """

    evaluator: Evaluator
    request: EvaluationRequest
    folder: Path
    report: Report
    recover: bool
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    asked: "list[asyncio.Task[EvaluationAnswer | None]]" = field(default_factory=list)

    @property
    def longest(self) -> timedelta:
        """Return the longest time until it ends by itself: its time limit, its grace, and its wait for a worker."""
        return self.evaluator.time_limit + self.evaluator.grace + self.evaluator.patience

    async def run(self) -> EvaluationAnswer | None:
        """Evaluate or recover; None only if a recovery finds nothing. If cancelled, end the attempt first."""
        task = asyncio.create_task(self._ask())
        # A task that is cancelled before it begins never calls the evaluator, and nobody may wait for that.
        task.add_done_callback(lambda _: self.begun.set())
        self.asked.append(task)
        return await self.outcome()

    async def outcome(self) -> EvaluationAnswer | None:
        """Return the outcome of the attempt that `run` has begun; if cancelled, end the attempt first."""
        task = self.asked[-1]
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await self._interrupt(task)
            await asyncio.wait({task})
            return task.result()

    async def end(self) -> EvaluationAnswer | None:
        """End the attempt, despite interruptions; return its outcome, or raise CancelledError if it has none."""
        task = self.asked[-1]
        while not task.done():
            with suppress(asyncio.CancelledError):
                await self._interrupt(task)
                await asyncio.wait({task})
        return task.result()

    async def _ask(self) -> EvaluationAnswer | None:
        self.begun.set()
        if self.recover:
            return await self.evaluator.recover(self.request, self.folder, self.report)
        return await self.evaluator.evaluate(self.request, self.folder, self.report)

    async def _interrupt(self, task: "asyncio.Task[EvaluationAnswer | None]") -> None:
        # An evaluator that is cancelled before it begins ends nothing, and one that is already ending is disturbed.
        await self.begun.wait()
        if not task.cancelling():
            task.cancel(TRIAL_IS_OVER if self.over.is_set() else None)


def evaluation_seed(campaign: Campaign, trial: int) -> int:
    """Return the seed of a trial's evaluations: below 2³², and the same for each attempt."""
    digest = hashlib.sha256(f"overnight evaluation {campaign.seed} {trial}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


class Steps(Protocol):
    """The two steps that take time; an engine may run them elsewhere and show them."""

    async def evaluate(self, execution: Execution) -> EvaluationAnswer | None:
        """Run one attempt."""
        ...

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        """Return the next points; raises ProposerUnavailable if the proposer gives no answer."""
        ...
