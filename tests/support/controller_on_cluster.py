"""A controller without Prefect that honours `run_on` of its file.

`python controller_on_cluster.py FILE [BEAT SILENCE]`: two numbers of seconds replace those between signs of life.
"""

import asyncio
import sys
from pathlib import Path

from overnight.campaign import History
from overnight.flows.assembly import placed
from overnight.flows.clusters.order import Pulse
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.storage import open_ledger

QUICK = Pulse(beat=0.2, silence=20)


async def run(path: Path, stop: StopRequest | None = None, pulse: Pulse = QUICK) -> History:
    file = load_campaign_file(path)
    ledger = open_ledger(file.ledger, file.campaign.name, path.parent)
    async with placed(file, pulse) as evaluator:
        job = Job(file.campaign, evaluator, file.proposer, ledger, Path(file.work), file.settings())
        return await run_loop(job, PlainSteps(), SystemClock(), stop or StopRequest())


if __name__ == "__main__":
    given = dict(zip(Pulse.model_fields, map(float, sys.argv[2:]), strict=False))
    asyncio.run(run(Path(sys.argv[1]), pulse=QUICK.model_copy(update=given)))
