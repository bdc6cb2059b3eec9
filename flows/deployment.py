"""A campaign as a deployment on somebody's Prefect server, started by its schedule whenever its window opens.

The deployment's parameter is the campaign as its file says it, with absolute paths: workers are to see the same ones.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists
from prefect.schedules import Cron, RRule, Schedule
from prefect.types.entrypoint import EntrypointType

from campaign.window import Window
from flows.campaign_file import CampaignFile
from flows.campaign_flow import campaign_flow
from flows.clusters.on_pool import OnPool
from flows.clusters.pool_launcher import deploy_evaluation
from flows.pool_proposer import deploy_proposer
from flows.prefect_environment import OF_A_JOB, QUIET

_EVERY_DAY = 7
# So far ahead Prefect is told of openings in hours that the clocks skip; a deployment is made anew before.
_AHEAD = timedelta(days=3653)
_OF_THE_WORKER = {
    # A controller that prints into a dead worker's pipe ends at once, and with it what an evaluation just found.
    "stream_output": False,
    # The default gives up on a server that is away for a minute.
    "env": QUIET | OF_A_JOB,
}


async def deploy(file: CampaignFile, pool: str, now: datetime) -> str:
    """Create the campaign's deployment, or bring it up to date, and its work pool if there is none; return its name.

    So it is done with the pools on which its evaluations run and its proposals are computed, where the file names some.

    A run that is due while another one acts is refused by the ledger's lease. Prefect's own limit is not asked for: its
    server forgets on a restart who holds the slot, and cancels every later run, and whoever is at work as well.
    """
    async with get_client() as client:
        with suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
    window = file.campaign.window
    deployment = RunnerDeployment.from_flow(
        campaign_flow,
        name=file.campaign.name,
        description=file.campaign.description,
        schedules=None if window is None else schedules_of(window, now),
        parameters={"file": file.model_dump(mode="json")},
        # Said, so that a limit that an earlier version has set goes away.
        concurrency_limit=None,
        tags=["overnight", f"campaign:{file.campaign.name}"],
        work_pool_name=pool,
        job_variables=_OF_THE_WORKER,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    await deployment.aapply()
    if isinstance(file.run_on, OnPool):
        await deploy_evaluation(file.run_on.pool)
    if file.proposing.pool is not None:
        await deploy_proposer(file.proposing.pool)
    return f"{deployment.flow_name}/{deployment.name}"


def schedules_of(window: Window, now: datetime) -> list[Schedule]:
    """Return when a campaign with this window is to be started.

    In a night in which the clocks skip the time at which it opens, Prefect's cron is early by what they skip, and that
    run finds the window closed: these openings, up to ten years from now, are a schedule of their own.
    """
    days = "*" if len(set(window.days)) == _EVERY_DAY else ",".join(dict.fromkeys(window.days))
    daily = Cron(f"{window.opens.minute} {window.opens.hour} * * {days}", timezone=window.zone)
    skipped = ",".join(f"{opening:%Y%m%dT%H%M%S}" for opening in _skipped(window, now))
    return [daily, RRule(f"RDATE:{skipped}", timezone="UTC")] if skipped else [daily]


def _skipped(window: Window, now: datetime) -> Iterator[datetime]:
    """Return when the window opens, in UTC, though no clock of its zone shows its time of opening."""
    zone, opening = ZoneInfo(window.zone), window.next_opening(now)
    while opening < now + _AHEAD:
        if opening.astimezone(zone).time() != window.opens:
            yield opening
        opening = window.next_opening(opening)
