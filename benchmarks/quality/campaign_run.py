"""Run one campaign in virtual time through the real loop and keep its earlier histories."""

import asyncio
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.quality.cells import Cell
from benchmarks.quality.contestants import Contestant
from benchmarks.quality.simulated_work import TimedEvaluator
from benchmarks.virtual_time import VirtualClock, run_in_virtual_time
from overnight.campaign import Campaign, History, Proposal
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.flows.controller.job import Execution, Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.host.stop import StopRequest
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.session.lease import Rhythm
from overnight.storage import MemoryLedger

CURVE_STEP = 10


@dataclass
class CampaignRun:
    """A finished campaign: its history, earlier histories by number of ended trials, and the seconds of each ask."""

    campaign: Campaign
    history: History = field(default_factory=History)
    earlier: dict[int, History] = field(default_factory=dict)
    ask_seconds: list[float] = field(default_factory=list)

    def watch(self, history: History) -> None:
        """Keep the history whenever `CURVE_STEP` more trials have ended."""
        ended = sum(1 for trial in history.trials.values() if trial.outcome is not None)
        for count in range(CURVE_STEP, ended + 1, CURVE_STEP):
            self.earlier.setdefault(count, history)


@dataclass(frozen=True)
class _StepsInTheLoop:
    """Proposals computed inside the event loop; they take no virtual time, or their real time if `charge` is set."""

    contestant: Contestant
    run: CampaignRun
    charge: bool

    async def evaluate(self, execution: Execution) -> EvaluationAnswer | None:
        return await execution.run()

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        began = time.perf_counter()
        proposals = self.contestant.propose(request.campaign, request.history, request.q)
        seconds = time.perf_counter() - began
        if any(proposal.generator != "manual" for proposal in proposals):
            self.run.ask_seconds.append(seconds)
        if self.charge:
            await asyncio.sleep(seconds)
        return proposals


def run_campaign(cell: Cell, seed: int, contestant: Contestant, *, charge: bool = False) -> CampaignRun:
    """Run the campaign of a cell and a seed to its end.

    The result is the same on every run and does not depend on the machine's load, unless the proposals' time is charged
    to the virtual clock.
    """
    run = CampaignRun(cell.campaign(seed, contestant.file))
    # The contestant is asked in place of the job's proposer, which the controller's rules may read. No other process
    # appends to this ledger, so the loop never polls for new events.
    alone = Rhythm(hear=math.inf)
    job = Job(run.campaign, TimedEvaluator(cell), contestant.proposer, MemoryLedger(), Path("unused"), rhythm=alone)
    steps = _StepsInTheLoop(contestant, run, charge)
    run.history = run_in_virtual_time(run_loop(job, steps, VirtualClock(), StopRequest(), run.watch))
    return run
