"""Run one of our campaigns on a task in virtual time, through the real loop."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.fidelities.found import Found, Measured, best_in_full
from benchmarks.fidelities.task import Point, Task, high_of, name_of
from benchmarks.virtual_time import VirtualClock, run_in_virtual_time
from overnight.bo_core import BayesianProposer, SobolProposer
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import AnyProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import (
    Campaign,
    EvaluationOutcome,
    EvaluationRequest,
    EvaluationSucceeded,
    Measurement,
    Proposal,
)
from overnight.campaign.evaluation import EvaluationAnswer, EvaluationReport
from overnight.evaluators.evaluator import Report
from overnight.flows.controller.job import Execution, Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.host.stop import StopRequest
from overnight.flows.proposing.request import ProposalRequest
from overnight.storage import MemoryLedger

_SECONDS = 3600.0
# More trials than any budget of costs pays for.
_MOST = 2000


@dataclass
class TaskEvaluator:
    """Evaluates a task: takes as long as an evaluation costs, and keeps all results in the order of their ends."""

    task: Task
    resume: bool
    curve: bool
    measured: list[Measured] = field(default_factory=list)
    time_limit: timedelta = timedelta(days=365)
    grace: timedelta = timedelta()
    patience: timedelta = timedelta()

    def secrets(self) -> dict[str, str]:
        """Return an empty mapping: nothing is passed on."""
        return {}

    async def check(self, campaign: Campaign) -> None:
        """Accept every campaign, since all are defined in this file."""

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        """Measure a point at the level that the request names; report the steps on the way if there is a curve."""
        name = name_of(self.task)
        level = int(str(request.parameters.get(name, high_of(self.task))))
        point = {key: value for key, value in request.parameters.items() if key != name}
        since, passed = self._since(point, level), 0.0
        for step in (step for step in self.task.steps if self.curve and since < step < level):
            await asyncio.sleep(_SECONDS * (self.task.cost(step, since) - passed))
            passed = self.task.cost(step, since)
            report(EvaluationReport(step=step, metrics={"loss": Measurement(mean=self.task.loss(point, step))}))
        cost = self.task.cost(level, since)
        await asyncio.sleep(_SECONDS * (cost - passed))
        loss = self.task.loss(point, level)
        self.measured.append(Measured(point, level, loss, cost))
        return EvaluationSucceeded(metrics={"loss": Measurement(mean=loss)}, cost=cost)

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome | None:
        """Return None: an evaluation dies with its controller."""
        return None

    def _since(self, point: Point, level: int) -> int:
        lower = [each.level for each in self.measured if each.point == point and each.level < level]
        return max(lower, default=0) if self.resume else 0


class _Steps:
    """Steps whose proposals take no virtual time."""

    async def evaluate(self, execution: Execution) -> EvaluationAnswer | None:
        return await execution.run()

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        return propose(request.campaign, request.history, request.asked, request.q)


@dataclass(frozen=True)
class Ours:
    """A way to run a campaign of ours: with which proposer, and with a fidelity or at full fidelity only."""

    proposer: AnyProposer
    fidelity: bool = True
    resume: bool = False
    curve: bool = False
    by_model: bool = True

    def run(self, task: Task, budget: int, seed: int, workers: int) -> Found:
        """Run a campaign that may cost so many full evaluations."""
        campaign = self._campaign(task, budget, seed, workers)
        evaluator = TaskEvaluator(task, self.resume, self.curve)
        job = Job(campaign, evaluator, self.proposer, MemoryLedger(), Path("unused"))
        history = run_in_virtual_time(run_loop(job, _Steps(), VirtualClock(), StopRequest()))
        recommended = recommend(campaign, history, self.proposer) if self.by_model else None
        point = best_in_full(task, evaluator.measured) if recommended is None else recommended.point
        return Found(evaluator.measured, point)

    def _campaign(self, task: Task, budget: int, seed: int, workers: int) -> Campaign:
        limits: Mapping[str, Any] = {"budget": {"trials": budget}}
        if self.fidelity:
            settings = {**task.fidelity[name_of(task)], "resume": self.resume, "curve": self.curve}
            limits = {"budget": {"trials": _MOST, "cost": budget}, "fidelity": {name_of(task): settings}}
        written = {"name": "fidelities", "minimize": "loss", "seed": seed, "workers": workers}
        return Campaign.model_validate({**written, "parameters": task.parameters, **limits})


OURS = {
    "overnight": Ours(BayesianProposer()),
    "overnight-resumed": Ours(BayesianProposer(), resume=True),
    "overnight-curve": Ours(BayesianProposer(), resume=True, curve=True),
    "overnight-full": Ours(BayesianProposer(), fidelity=False),
    "sobol-full": Ours(SobolProposer(), fidelity=False, by_model=False),
}
