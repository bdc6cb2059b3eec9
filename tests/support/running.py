"""A campaign that runs in the test's event loop, and another journal that appends to its ledger."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from scripted_campaign import ScriptedEvaluator

from overnight.bo_core import AnyProposer, SobolProposer
from overnight.campaign import Campaign, History
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.flows.session.journal import Decide, Journal
from overnight.flows.session.lease import Rhythm
from overnight.storage import Ledger, MemoryLedger

QUICK = Rhythm(hear=0.002)


class Running:
    """A campaign that runs in this event loop, and another journal that appends to its ledger."""

    def __init__(
        self,
        campaign: Campaign,
        evaluator: ScriptedEvaluator,
        ledger: Ledger | None = None,
        proposer: AnyProposer | None = None,
    ) -> None:
        self.ledger = ledger or MemoryLedger()
        self.elsewhere = Journal(self.ledger)
        self.stop = StopRequest()
        self.history = History()
        self.changed = asyncio.Event()
        job = Job(campaign, evaluator, proposer or SobolProposer(), self.ledger, Path("unused"), rhythm=QUICK)
        loop = run_loop(job, PlainSteps(), SystemClock(), self.stop, self._watch)
        self.controller = asyncio.create_task(loop)

    def _watch(self, history: History) -> None:
        self.history = history
        self.changed.set()

    async def until(self, true_of: Callable[[History], bool]) -> History:
        """Return the controller's own history once it meets the condition; raises if the controller ends first."""
        while not true_of(self.history):
            self.changed.clear()
            change = asyncio.create_task(self.changed.wait())
            await asyncio.wait({change, self.controller}, return_when=asyncio.FIRST_COMPLETED)
            change.cancel()
            if self.controller.done() and not true_of(self.history):
                raise AssertionError(f"the controller ended first: {self.controller.result().closed_by}")
        return self.history

    async def append(self, decide: Decide) -> None:
        await self.elsewhere.refresh()
        await self.elsewhere.insist(decide)


async def hang(trial: int, attempt: int) -> float:
    await asyncio.Event().wait()
    return 1.0


class Gate:
    """Evaluations that end once the gate is open."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def wait(self, trial: int, attempt: int) -> float:
        await self.open.wait()
        return 1.0


def now() -> datetime:
    return SystemClock().now()
