"""Orders as flow runs of one deployment on a Prefect work pool; orders with the same key are the same flow run."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments import arun_deployment
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists
from prefect.states import Cancelled
from prefect.types.entrypoint import EntrypointType

from overnight.flows.clusters.order import Claim, Order
from overnight.flows.clusters.places.evaluate_flow import evaluate_flow
from overnight.flows.clusters.resources import Resources
from overnight.flows.host.prefect_environment import JOB_ENVIRONMENT

# A process pool has no variables for these: its jobs share the worker's machine.
_DOCKER_NAMES = {"memory": "mem_limit"}


async def deploy_evaluation(pool: str) -> dict[str, Any]:
    """Create the deployment `evaluate/POOL`, and a work pool of processes if the pool does not exist.

    Returns the job variables that the pool's base job template declares, by name.
    """
    async with get_client() as client:
        with suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        template = (await client.read_work_pool(pool)).base_job_template
    deployment = RunnerDeployment.from_flow(
        evaluate_flow,
        name=pool,
        description="One attempt of a campaign, started by the campaign's controller.",
        tags=["overnight", "evaluation"],
        work_pool_name=pool,
        job_variables={"env": JOB_ENVIRONMENT},
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    await deployment.aapply()
    return template.get("variables", {}).get("properties", {})


def job_variables(resources: Resources, declared: dict[str, Any]) -> dict[str, str]:
    """Return the resources as the job variables that a pool's template declares, under their own names or Docker's."""
    asked = {
        name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in resources.named().items()
    }
    named = {name if name in declared else _DOCKER_NAMES.get(name, name): value for name, value in asked.items()}
    return {name: value for name, value in named.items() if name in declared}


class PoolLauncher:
    """A Launcher for the work pool of this name, on the Prefect server that the user has named."""

    def __init__(self, pool: str, resources: Resources) -> None:
        self.pool, self.resources = pool, resources
        self._runs: dict[str, UUID] = {}
        self._deploying = asyncio.Lock()
        self._declared: dict[str, Any] | None = None

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> None:
        """Create a flow run, or find the one with this key; Prefect, and not we, chooses its worker."""
        del avoid
        async with self._deploying:
            if self._declared is None:
                self._declared = await deploy_evaluation(self.pool)
        request = order.request
        run = await arun_deployment(
            f"evaluate/{self.pool}",
            parameters={"order": order.model_dump(mode="json")},
            flow_run_name=f"{request.campaign}-trial-{request.trial}-attempt-{request.attempt}",
            idempotency_key=request.key,
            timeout=0,
            as_subflow=False,
            job_variables=job_variables(self.resources, self._declared),
        )
        self._runs[request.key] = run.id

    async def ended(self, key: str, worker: str) -> str | None:
        """Return the state of a flow run that ended badly."""
        del worker
        if key not in self._runs:
            return None
        # If the server does not answer, it is asked again later.
        with suppress(Exception):
            async with get_client() as client:
                state = (await client.read_flow_run(self._runs[key])).state
            if state is not None and state.is_final() and not state.is_completed():
                message = f": {state.message}" if state.message else ""
                return f"its flow run is {state.name}{message}"
        return None

    async def returns(self, key: str, claim: Claim) -> bool:
        """Return False: no attempt is begun twice."""
        del key, claim
        return False

    async def withdraw(self, key: str) -> None:
        """Cancel a flow run that no worker has begun."""
        if key not in self._runs:
            return
        with suppress(Exception):
            async with get_client() as client:
                state = (await client.read_flow_run(self._runs[key])).state
                if state is not None and (state.is_scheduled() or state.is_pending()):
                    await client.set_flow_run_state(self._runs[key], Cancelled(message="withdrawn by its controller"))

    async def close(self) -> None:
        """Return at once: clients are opened for each call."""
