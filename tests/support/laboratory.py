"""An evaluator whose evaluations are experiments that last for days of virtual time, and campaigns that use it."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from virtual_steps import VirtualSteps

from benchmarks.virtual_time import VirtualClock, run_in_virtual_time
from overnight.bo_core import SobolProposer
from overnight.campaign import Campaign, EvaluationSucceeded, History, Measurement
from overnight.campaign.evaluation import EvaluationAnswer, EvaluationOngoing
from overnight.evaluators.ongoing.polling import Polling
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.host.clock import Clock
from overnight.flows.host.stop import Stop, StopRequest
from overnight.flows.polling.polled import Polled
from overnight.flows.session.lease import Rhythm
from overnight.storage import MemoryLedger

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Beats every few seconds would make months of virtual time long.
SLOW = Rhythm(beat=3600, silence=36000, hear=3600)


class Laboratory:
    """Starts an experiment, answers that it runs, and measures x once it has run for long enough.

    `trouble` returns the answer of a look instead, or raises, for the number of the call that looks. Each call takes
    `seconds`.
    """

    time_limit = HOUR
    grace = patience = timedelta()

    def __init__(self, lasts: timedelta = 3 * DAY, clock: Clock | None = None, seconds: float = 1.0) -> None:
        self.lasts, self.clock, self.seconds = lasts, clock or VirtualClock(), seconds
        self.trouble: Callable[[int], EvaluationAnswer | None] = lambda call: None
        self.again_in: float | None = None
        self.started: dict[str, datetime] = {}
        self.looks: list[tuple[str, int, datetime]] = []
        self.keys: list[str] = []
        self.cancelled: list[str] = []

    def secrets(self) -> dict[str, str]:
        return {}

    async def check(self, campaign: Campaign) -> None:
        pass

    async def evaluate(self, request, folder, report) -> EvaluationAnswer:
        self.keys.append(request.key)
        await self.clock.sleep(self.seconds)
        if request.handle is None:
            handle = f"exp-{len(self.started) + 1}"
            self.started[handle] = self.clock.now()
            return EvaluationOngoing(handle=handle, again_in=self.again_in)
        measured = {"loss": Measurement(mean=request.parameters["x"], sem=0.1, n=request.look + 1)}
        if request.cancel:
            self.cancelled.append(request.handle)
            return EvaluationSucceeded(metrics=measured)
        self.looks.append((request.handle, request.look, self.clock.now()))
        if (instead := self.trouble(len(self.looks))) is not None:
            return instead
        if self.clock.now() - self.started[request.handle] >= self.lasts:
            return EvaluationSucceeded(metrics=measured, seconds=self.seconds)
        return EvaluationOngoing(handle=request.handle, again_in=self.again_in, metrics=measured, cost=2.0)

    async def recover(self, request, folder, report) -> EvaluationAnswer | None:
        return None


def a_job(
    campaign: Campaign,
    laboratory: Laboratory,
    ledger: MemoryLedger,
    *,
    polling: Polling | None = None,
    notify: Callable[[str], None] = lambda text: None,
    work: str = "unused",
) -> Job:
    polled = Polled(laboratory, polling or Polling(every=DAY), laboratory.clock, notify)
    return Job(campaign, polled, SobolProposer(), ledger, Path(work), rhythm=SLOW, goes_on=True)


def run(job: Job, level: Stop = Stop.NO, after: timedelta = timedelta()) -> History:
    """Run a campaign in virtual time; it is asked to stop at this level after so long."""

    async def both() -> History:
        asked = StopRequest()
        asyncio.get_running_loop().call_later(after.total_seconds(), asked.ask_for, level)
        return await run_loop(job, VirtualSteps(), VirtualClock(), asked)

    return run_in_virtual_time(both())
