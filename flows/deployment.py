"""A campaign as a deployment on somebody's Prefect server, started by its schedule whenever its window opens.

The deployment's parameter is the campaign as its file says it, with absolute paths: workers are to see the same ones.
"""

from contextlib import suppress

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists
from prefect.schedules import Cron, Schedule
from prefect.types.entrypoint import EntrypointType

from campaign.window import Window
from flows.campaign_file import CampaignFile
from flows.campaign_flow import campaign_flow

_EVERY_DAY = 7


async def deploy(file: CampaignFile, pool: str) -> str:
    """Create the campaign's deployment, or bring it up to date, and its work pool if there is none; return its name.

    Prefect cancels a run that is due while another one runs; a controller that Prefect knows nothing of is the lease's
    matter.
    """
    async with get_client() as client:
        with suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
    window = file.campaign.window
    one_at_a_time = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    deployment = RunnerDeployment.from_flow(
        campaign_flow,
        name=file.campaign.name,
        description=file.campaign.description,
        schedule=None if window is None else schedule_of(window),
        parameters={"file": file.model_dump(mode="json")},
        concurrency_limit=one_at_a_time,
        tags=["overnight", f"campaign:{file.campaign.name}"],
        work_pool_name=pool,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    await deployment.aapply()
    return f"{deployment.flow_name}/{deployment.name}"


def schedule_of(window: Window) -> Schedule:
    """Return when a campaign with this window is to be started."""
    days = "*" if len(set(window.days)) == _EVERY_DAY else ",".join(dict.fromkeys(window.days))
    return Cron(f"{window.opens.minute} {window.opens.hour} * * {days}", timezone=window.zone)
