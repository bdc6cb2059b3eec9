"""A campaign whose evaluations report their cost, run by the controller's loop into a ledger in a folder."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from read_ledgers import events_of

from overnight.campaign import Campaign, EvaluationOutcome, EvaluationRequest, EvaluationSucceeded, Measurement
from overnight.campaign.history.events import Event
from overnight.evaluators import Report
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.storage import open_ledger


@dataclass(frozen=True)
class CostlyEvaluator:
    """Returns x as the score; the reported cost, or the duration if no cost is reported, grows with x."""

    costs_are_told: bool = True
    time_limit: timedelta = timedelta(hours=1)
    grace: timedelta = timedelta()
    patience: timedelta = timedelta()

    def secrets(self) -> dict[str, str]:
        return {}

    async def check(self, campaign: Campaign) -> None:
        pass

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        x = float(request.parameters["x"])
        spent = {"cost": 20**x} if self.costs_are_told else {"seconds": 600 * x + 1}
        return EvaluationSucceeded.model_validate({"metrics": {"score": Measurement(mean=x, sem=0.01)}, **spent})

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome | None:
        return None


def run_costly(definition: Mapping[str, Any], folder: Path, evaluator: CostlyEvaluator) -> list[Event]:
    """Write the campaign's file into a folder, run it, and return the events of its ledger there."""
    path = folder / "campaign.yaml"
    path.write_text(json.dumps({**definition, "ledger": str(folder / "ledger")}))
    file = load_campaign_file(path)
    ledger = open_ledger(str(folder / "ledger"), file.campaign.name, folder)
    settings = {"proposer": file.proposer.model_dump(mode="json")}
    job = Job(file.campaign, evaluator, file.proposer, ledger, folder / "work", settings=settings)

    async def ran() -> list[Event]:
        await run_loop(job, PlainSteps(), SystemClock(), StopRequest())
        return await events_of(ledger)

    return asyncio.run(ran())
