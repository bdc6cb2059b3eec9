"""Campaigns with a window in accelerated time: evaluations take virtual hours, campaigns virtual nights."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scripted_campaign import a_campaign

from overnight.bo_core import SobolProposer
from overnight.bo_core.propose import propose
from overnight.campaign import (
    Campaign,
    EvaluationFailed,
    EvaluationOutcome,
    EvaluationSucceeded,
    History,
    Measurement,
)
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.campaign.window import Window
from overnight.flows.controller.job import Execution, Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.host.clock import Clock
from overnight.flows.host.stop import StopRequest
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.session.lease import Rhythm
from overnight.storage import MemoryLedger

HOUR = timedelta(hours=1)
# In the second night the clocks of Europe/Berlin are set forward.
FRIDAY_NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
NIGHT = "22:00–06:00 Europe/Berlin"
# Virtual hours in which the ledger is read every few seconds would take long.
HEARS = Rhythm(hear=60.0)


def a_night(running: str = "finish", **changes: object) -> Campaign:
    window = {"from": "22:00", "to": "06:00", "zone": "Europe/Berlin", "running": running}
    return a_campaign(**{"window": window, **changes})


class NightClock:
    """A clock that begins at a given moment and follows the current event loop."""

    def __init__(self, start: datetime = FRIDAY_NOON) -> None:
        self.start = start

    def now(self) -> datetime:
        return self.start + timedelta(seconds=asyncio.get_running_loop().time())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def until(self, moment: datetime) -> None:
        await asyncio.sleep((moment - self.now()).total_seconds())


class LongEvaluator:
    """Takes a given number of hours for each trial, and records when each attempt was at work."""

    grace = patience = timedelta()

    def __init__(self, hours: Callable[[int], float], clock: Clock, time_limit: timedelta = 6 * HOUR) -> None:
        self.hours, self.clock, self.time_limit = hours, clock, time_limit
        self.cost: Callable[[int, int], float | None] = lambda trial, attempt: None
        self.fails: Callable[[int, int], bool] = lambda trial, attempt: False
        self.at_work: dict[tuple[int, int], tuple[datetime, datetime]] = {}
        self.recovered: list[tuple[int, int]] = []

    def secrets(self) -> dict[str, str]:
        return {}

    async def check(self, campaign: Campaign) -> None:
        pass

    async def evaluate(self, request, folder, report) -> EvaluationOutcome:
        key, began = (request.trial, request.attempt), self.clock.now()
        try:
            await self.clock.sleep(self.hours(request.trial) * 3600)
        finally:
            self.at_work[key] = began, self.clock.now()
        cost = self.cost(*key)
        if self.fails(*key):
            return EvaluationFailed(cause="infrastructure", message="the host is gone", cost=cost)
        return EvaluationSucceeded(metrics={"loss": Measurement(mean=1.0)}, cost=cost)

    async def recover(self, request, folder, report) -> EvaluationOutcome:
        self.recovered.append((request.trial, request.attempt))
        return await self.evaluate(request, folder, report)


class SeenSteps:
    """Proposes without a thread, since virtual time would not wait for one, and records what each proposal knew."""

    def __init__(self) -> None:
        self.seen: list[History] = []

    async def evaluate(self, execution: Execution) -> EvaluationAnswer | None:
        return await execution.run()

    async def propose(self, request: ProposalRequest):
        self.seen.append(request.history)
        return propose(request.campaign, request.history, request.asked, request.q)


async def one_night(
    campaign: Campaign, evaluator: LongEvaluator, ledger: MemoryLedger, *, steps=None, ignore_window: bool = False
) -> History:
    job = Job(campaign, evaluator, SobolProposer(), ledger, Path("unused"), rhythm=HEARS, ignore_window=ignore_window)
    return await run_loop(job, steps or SeenSteps(), evaluator.clock, StopRequest())


async def nights(
    campaign: Campaign, evaluator: LongEvaluator, clock: NightClock, ledger: MemoryLedger, most: int, steps=None
) -> list[History]:
    """Start the campaign whenever its window opens, until it has finished; return its history on each morning."""
    window, mornings = campaign.window, []
    assert isinstance(window, Window)
    for _ in range(most):
        await clock.until(window.next_opening(clock.now()))
        mornings.append(await one_night(campaign, evaluator, ledger, steps=steps))
        if mornings[-1].closed_by.kind == "campaign_finished":
            break
    return mornings
