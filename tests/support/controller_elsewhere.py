"""Run a campaign as if on a given host, into a given ledger; its evaluations wait for a file."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from unittest import mock

from overnight.bo_core import SobolProposer
from overnight.campaign import Campaign, EvaluationSucceeded, Measurement, Proposal
from overnight.campaign.errors import CampaignHeld
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.flows.controller.job import Execution, Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.session.lease import Rhythm
from overnight.storage import open_ledger

CAMPAIGN = Campaign.model_validate(
    {
        "name": "shared",
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "loss",
        "budget": {"trials": 6},
        "workers": 2,
    }
)
HELD = 3


def say(text: str) -> None:
    """Print a line for the test, which reads the output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class WaitingEvaluator:
    """Returns once the file `go` exists; prints when it starts and when it is cancelled."""

    time_limit = timedelta(hours=1)
    grace = patience = timedelta()

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def secrets(self) -> dict[str, str]:
        return {}

    async def check(self, campaign: Campaign) -> None:
        pass

    async def evaluate(self, request, folder, report):
        say(f"evaluating {request.key}")
        try:
            while not (self.folder / "go").exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            say(f"ended {request.key}")
            raise
        return EvaluationSucceeded(metrics={"loss": Measurement(mean=request.parameters["x"])})

    async def recover(self, request, folder, report):
        return


class EvenSteps:
    """Evaluates in this event loop and proposes evenly spaced points, since importing torch would take seconds."""

    async def evaluate(self, execution: Execution) -> EvaluationAnswer | None:
        return await execution.run()

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        tried = len(request.history.trials)
        return [Proposal(point={"x": (tried + more) / 100}, generator="custom") for more in range(request.q)]


async def run(ledger: str, folder: Path, rhythm: Rhythm) -> int:
    job = Job(
        CAMPAIGN,
        WaitingEvaluator(folder),
        SobolProposer(),
        open_ledger(ledger, CAMPAIGN.name, Path()),
        folder,
        rhythm=rhythm,
    )
    try:
        await run_loop(job, EvenSteps(), SystemClock(), StopRequest(), notify=say)
    except CampaignHeld as problem:
        say(str(problem))
        return HELD
    return 0


def main() -> None:
    """Run with five arguments: the ledger, a folder, the host's name, and the seconds of a beat and of silence."""
    ledger, folder, host, beat, silence = sys.argv[1:]
    with (
        mock.patch("overnight.flows.host.identity._here", return_value=host),
        mock.patch("socket.gethostname", return_value=host),
    ):
        sys.exit(asyncio.run(run(ledger, Path(folder), Rhythm(float(beat), float(silence)))))


if __name__ == "__main__":
    main()
