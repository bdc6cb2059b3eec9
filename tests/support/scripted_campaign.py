"""A small campaign whose evaluations end as a test decides, run by the loop without an engine."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from overnight.bo_core import BayesianProposer, SobolProposer
from overnight.campaign import Campaign, EvaluationFailed, EvaluationSucceeded, History, Measurement
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.host.clock import Clock, SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.storage import MemoryLedger


def a_campaign(**changes: Any) -> Campaign:
    plain = {
        "name": "test",
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}, "n": {"kind": "int", "low": 1, "high": 50}},
        "minimize": "loss",
        "budget": {"trials": 8},
        "workers": 3,
    }
    changes["failures"] = {"back_off": 0} | changes.get("failures", {})
    return Campaign.model_validate(plain | changes)


class ScriptedEvaluator:
    """Ends each attempt with the value of a function of (trial, attempt), after letting other tasks run."""

    time_limit = timedelta(hours=1)
    grace = patience = timedelta()

    def __init__(self, outcome: Callable[[int, int], object] = lambda trial, attempt: 1.0) -> None:
        self.outcome = outcome
        self.evaluated: list[tuple[int, int]] = []
        self.recovered: list[tuple[int, int]] = []
        self.at_once = 0
        self.most_at_once = 0

    def secrets(self) -> dict[str, str]:
        return {}

    async def check(self, campaign: Campaign) -> None:
        pass

    async def evaluate(self, request, folder, report):
        self.evaluated.append((request.trial, request.attempt))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            for _ in range(1 + request.seed % 5):
                await asyncio.sleep(0)
            outcome = self.outcome(request.trial, request.attempt)
            if asyncio.iscoroutine(outcome):
                outcome = await outcome
        finally:
            self.at_once -= 1
        if isinstance(outcome, float):
            return EvaluationSucceeded(metrics={"loss": Measurement(mean=outcome)})
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def recover(self, request, folder, report):
        self.recovered.append((request.trial, request.attempt))
        return


async def run(
    campaign: Campaign,
    evaluator: ScriptedEvaluator,
    ledger: MemoryLedger | None = None,
    stop: StopRequest | None = None,
    proposer: BayesianProposer | SobolProposer | None = None,
    watch: Callable[[History], None] = lambda history: None,
    clock: Clock | None = None,
) -> History:
    job = Job(campaign, evaluator, proposer or SobolProposer(), ledger or MemoryLedger(), Path("unused"))
    return await run_loop(job, PlainSteps(), clock or SystemClock(), stop or StopRequest(), watch)


def failed(cause: str) -> EvaluationFailed:
    return EvaluationFailed(cause=cause, message=f"a case of {cause}")
