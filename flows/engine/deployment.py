"""A campaign as a deployment on a Prefect server, started by its schedule while its window is open.

The deployment's parameters are the content of the campaign file with absolute paths, which must also exist on workers,
and the order of the campaign's parameters, which a server does not always keep.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists
from prefect.schedules import Cron, RRule, Schedule
from prefect.types.entrypoint import EntrypointType

from overnight.campaign.window import AGAIN, Day, Window
from overnight.flows.clusters.places.on_pool import OnPool
from overnight.flows.clusters.places.pool_launcher import deploy_evaluation
from overnight.flows.definition.campaign_file import CampaignFile
from overnight.flows.engine.campaign_flow import campaign_flow
from overnight.flows.engine.written_order import written_order
from overnight.flows.host.prefect_environment import JOB_ENVIRONMENT, QUIET
from overnight.flows.proposing.pool import deploy_proposer

_ANY_DATE = date(2000, 1, 1)
# How far ahead the starts that cron leaves out are listed for Prefect; a campaign is deployed again before that.
_AHEAD = timedelta(days=3653)
_JOB_VARIABLES = {
    # A controller that prints into a dead worker's pipe ends at once, and a result that just arrived is lost.
    "stream_output": False,
    # With the default, it gives up on a server that does not answer for a minute.
    "env": QUIET | JOB_ENVIRONMENT,
}


async def deploy(file: CampaignFile, pool: str, now: datetime) -> str:
    """Create or update the campaign's deployment, create its work pool if needed, and return the deployment's name.

    The same is done for the pools that evaluate and that propose, if the file names them.

    A schedule that was paused because the campaign had finished is active again. The ledger's lease refuses a run that
    is due while another one acts. Prefect's own concurrency limit is not used: a restarted server has forgotten which
    run holds the slot, and cancels every later run and the working one as well.
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
        parameters={"file": file.model_dump(mode="json"), "order": written_order(file)},
        # Explicit, so that a limit set by an earlier version is removed.
        concurrency_limit=None,
        tags=["overnight", f"campaign:{file.campaign.name}"],
        work_pool_name=pool,
        job_variables=_JOB_VARIABLES,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    await deployment.aapply()
    if isinstance(file.run_on, OnPool):
        await deploy_evaluation(file.run_on.pool)
    if file.proposing.pool is not None:
        await deploy_proposer(file.proposing.pool)
    return f"{deployment.flow_name}/{deployment.name}"


def schedules_of(window: Window, now: datetime) -> list[Schedule]:
    """Return the schedules that start a campaign when its window opens, and again until the window closes.

    The later starts are for a controller that has died. The starts that Prefect's cron leaves out when clocks change,
    up to ten years from now, are a schedule of their own. On a night on which the clocks skip the time of opening, cron
    is early by the time that they skip, and those runs find the window closed.
    """
    crons = [Cron(line, timezone=window.zone) for line in _crons(window)]
    outside = ",".join(f"{moment:%Y%m%dT%H%M%S}" for moment in _starts_outside_cron(window, now))
    return [*crons, RRule(f"RDATE:{outside}", timezone="UTC")] if outside else crons


def _crons(window: Window) -> list[str]:
    """Return the times of day as cron lines; hours with the same days and minutes share a line."""
    opens = datetime.combine(_ANY_DATE, window.opens)
    minutes: dict[tuple[int, int], list[str]] = defaultdict(list)
    for start in (opens + AGAIN * number for number in range(-(-window.length // AGAIN))):
        minutes[(start.date() - _ANY_DATE).days, start.hour].append(str(start.minute))
    hours: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (midnights, hour), at in minutes.items():
        hours[",".join(at), _days(window, midnights)].append(str(hour))
    return [f"{at} {','.join(these)} * * {days}" for (at, days), these in hours.items()]


def _days(window: Window, midnights: int) -> str:
    """Return the days of the week on which the window is open this many midnights after it opened."""
    week = get_args(Day)
    days = [week[(week.index(day) + midnights) % len(week)] for day in dict.fromkeys(window.days)]
    return "*" if len(days) == len(week) else ",".join(days)


def _starts_outside_cron(window: Window, now: datetime) -> Iterator[datetime]:
    """Return, in UTC, openings that the zone's clocks skip, and starts in an hour that these clocks repeat."""
    zone, opening = ZoneInfo(window.zone), window.opened(now) or window.next_opening(now)
    while opening < now + _AHEAD:
        closes = window.closes(opening)
        assert closes is not None
        starts = [opening + AGAIN * number for number in range(-(-(closes - opening) // AGAIN))]
        for start, shown in ((start, start.astimezone(zone)) for start in starts):
            if shown.fold or (start == opening and shown.time() != window.opens):
                yield start
        opening = window.next_opening(opening)
