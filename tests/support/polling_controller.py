"""Run a campaign of one trial whose evaluation goes on: `python polling_controller.py EVALUATOR FOLDER WORK ANSWERS`.

The process kills itself once the evaluator has answered so many times, before the answer is recorded.
"""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controller_elsewhere import EvenSteps
from pydantic import TypeAdapter

from overnight.bo_core import SobolProposer
from overnight.campaign import Campaign
from overnight.evaluators import AnyEvaluator
from overnight.evaluators.around import Around
from overnight.evaluators.ongoing.polling import Polling
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.flows.polling.polled import Polled
from overnight.storage import open_ledger

CAMPAIGN = Campaign.model_validate(
    {
        "name": "weeks",
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "loss",
        "budget": {"trials": 1},
    }
)


@dataclass(frozen=True)
class Fatal(Around):
    """Kills its process after the given number of answers; 0 is never."""

    deadly: int = 0
    answers: list[Any] = field(default_factory=list)

    async def evaluate(self, request, folder, report):
        return self._survived(await self.evaluator.evaluate(request, folder, report))

    async def recover(self, request, folder, report):
        return self._survived(await self.evaluator.recover(request, folder, report))

    def _survived(self, answer):
        self.answers.append(answer)
        if len(self.answers) == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


def main() -> None:
    written, folder, work, answers = sys.argv[1:]
    evaluator = Fatal(TypeAdapter(AnyEvaluator).validate_json(written), int(answers))
    polled = Polled(evaluator, evaluator.evaluator.polling or Polling(), SystemClock(), print)
    ledger = open_ledger(f"{folder}/ledger", CAMPAIGN.name, Path(folder))
    job = Job(CAMPAIGN, polled, SobolProposer(), ledger, Path(folder, work), goes_on=True)
    asyncio.run(run_loop(job, EvenSteps(), SystemClock(), StopRequest(), notify=print))


if __name__ == "__main__":
    main()
