"""Proposals computed by a Prefect work pool, for example on a host with a GPU.

Each question is a flow run of its own. The pool runs one at a time, so one GPU can serve any number of campaigns. A run
whose worker was killed as well stays `Pending` or `Running` at the server, and would hold this one place for ever.
Before and while it waits for an answer, a controller therefore ends the runs that have outlived their time limit.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from httpx import HTTPError
from prefect import flow
from prefect.artifacts import Artifact
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.deployments import arun_deployment
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectException
from prefect.states import Cancelled, Completed, Crashed
from prefect.types.entrypoint import EntrypointType

from overnight.campaign import Proposal
from overnight.campaign.errors import CannotPropose
from overnight.campaign.values.duration import format_duration
from overnight.flows.host.prefect_environment import JOB_ENVIRONMENT
from overnight.flows.proposing.messages import Answer, Question, in_words
from overnight.flows.proposing.settings import ProposerUnavailable
from overnight.flows.proposing.slot import ProposalSlot

_FLOW = "propose"
_ANSWER = "answer"
# A run takes some seconds to start, and each look costs the server about 10 ms of computing.
_LOOK_SECONDS = 0.5
_LOOK_FOR_DEAD_SECONDS = 5.0
# A living run ends at its time limit, and may then take this long to report it.
_GRACE = timedelta(seconds=15)
_HOLD_A_PLACE = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


@flow(name=_FLOW, flow_run_name="{question.key}", persist_result=False)
async def propose_flow(question: Question, time_limit_seconds: float) -> State[None]:
    """Answer one question; the answer is an artifact of the run, and its points are the message of its state.

    The points are computed in a process that is killed if it hangs, because it would block the GPU for all campaigns.
    """
    with TemporaryDirectory() as folder:
        async with ProposalSlot(Path(folder) / "log", timedelta(seconds=time_limit_seconds)) as slot:
            try:
                answer = Answer(proposals=await slot.ask(question))
            except CannotPropose as problem:
                answer = Answer.refusing(problem)
    await Artifact(type=_ANSWER, data=answer.model_dump(mode="json")).acreate()
    return Completed(message=in_words(answer.proposals) or answer.why)


class PoolProposer:
    """Asks the workers of a pool, and waits for an answer until the time limit."""

    def __init__(self, pool: str, time_limit: timedelta) -> None:
        self._pool, self._time_limit = pool, time_limit

    async def ask(self, question: Question) -> list[Proposal]:
        """Return the points; raises CannotPropose if none is possible, ProposerUnavailable if no answer came in time.

        A question that is asked again, after a restart, gets the answer of its first run. If that run failed, a new
        one is started.
        """
        try:
            async with get_client() as client:
                return (await self._answered(client, question)).points()
        except (HTTPError, PrefectException) as problem:
            raise ProposerUnavailable(f"the Prefect server did not answer: {problem!r}") from problem

    async def _answered(self, client: PrefectClient, question: Question) -> Answer:
        await self._give_up_dead_runs(client)
        run = await self._asked(client, question)
        try:
            ended = await asyncio.wait_for(self._ended(client, run), self._time_limit.total_seconds())
        except TimeoutError:
            await client.set_flow_run_state(
                run.id, Cancelled(message="the controller no longer waits for it"), force=True
            )
            limit = format_duration(self._time_limit)
            raise ProposerUnavailable(
                f"no worker of pool `{self._pool}` answered within {limit} (`proposing.time_limit`)"
            ) from None
        if not ended.is_completed():
            raise ProposerUnavailable(f"a worker of pool `{self._pool}` failed ({ended.name}): {ended.message}")
        return await _answer(client, run)

    async def _asked(self, client: PrefectClient, question: Question) -> FlowRun:
        """Return the run that answers: an earlier one if this was asked before, unless that one failed."""
        number, run = 1, await self._run(client, question, question.key)
        while run.state is not None and run.state.is_final() and not run.state.is_completed():
            number += 1
            run = await self._run(client, question, f"{question.key}-{number}")
        return run

    async def _run(self, client: PrefectClient, question: Question, key: str) -> FlowRun:
        """Return the run with this key; create it if it does not exist."""
        limit = self._time_limit.total_seconds()
        asked: dict[str, Any] = {
            "name": f"{_FLOW}/{self._pool}",
            "parameters": {"question": question.model_dump(mode="json"), "time_limit_seconds": limit},
            "tags": ["overnight", "gpu"],
            "idempotency_key": key,
            "timeout": 0,
            "as_subflow": False,
        }
        try:
            return await arun_deployment(client=client, **asked)
        except ObjectNotFound:
            await deploy_proposer(self._pool)
            return await arun_deployment(client=client, **asked)

    async def _ended(self, client: PrefectClient, run: FlowRun) -> State[Any]:
        """Wait for the end of a run, and return its last state."""
        passed = asyncio.get_running_loop().time
        looked = passed()
        while True:
            state = (await client.read_flow_run(run.id)).state
            if state is not None and state.is_final():
                return state
            if passed() - looked > _LOOK_FOR_DEAD_SECONDS:
                await self._give_up_dead_runs(client)
                looked = passed()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _give_up_dead_runs(self, client: PrefectClient) -> None:
        """End the runs of this pool, of any campaign, whose processes must have ended long ago."""
        holding = await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[_FLOW])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_HOLD_A_PLACE))),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[self._pool])),
        )
        now = datetime.now(UTC)
        for run in holding:
            if is_dead(run, now):
                crashed = Crashed(message="its time limit has passed, so its process or its worker has died")
                await client.set_flow_run_state(run.id, crashed, force=True)


def is_dead(run: FlowRun, now: datetime) -> bool:
    """Return whether a run that holds a place of the pool has outlived its own time limit."""
    limit = run.parameters.get("time_limit_seconds")
    if run.state is None or not isinstance(limit, int | float):
        return False
    return now - run.state.timestamp > timedelta(seconds=limit) + _GRACE


async def deploy_proposer(pool: str) -> None:
    """Create the deployment that answers questions, and its pool if it does not exist.

    The pool's concurrency limit becomes 1 unless it is already set.
    """
    async with get_client() as client:
        with suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        if (await client.read_work_pool(pool)).concurrency_limit is None:
            await client.update_work_pool(pool, WorkPoolUpdate(concurrency_limit=1))
    deployment = RunnerDeployment.from_flow(
        propose_flow,
        name=pool,
        tags=["overnight", "gpu"],
        work_pool_name=pool,
        job_variables={"env": JOB_ENVIRONMENT},
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    await deployment.aapply()


async def _answer(client: PrefectClient, run: FlowRun) -> Answer:
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    for artifact in await client.read_artifacts(artifact_filter=of_run):
        # Prefect accepts JSON and returns it as text.
        if artifact.type == _ANSWER and isinstance(artifact.data, str):
            return Answer.model_validate_json(artifact.data)
    raise ProposerUnavailable(f"run `{run.name}` ended without an answer")
