"""A campaign as a Prefect flow: the same loop and steps, scheduled, limited and shown by Prefect.

Prefect executes and shows; the ledger remembers. Its retries are 0 and it caches nothing: attempts are the ledger's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from prefect import flow, get_run_logger, tags, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from prefect.states import Completed, Crashed, Failed

from overnight.campaign import EvaluationOutcome, History, Proposal
from overnight.campaign.errors import CampaignHeld, OvernightError
from overnight.campaign.values.harmless import first_line
from overnight.evaluators.results.printed import printed
from overnight.flows.assembly import anchored, job_of, placed, proposers
from overnight.flows.controller.job import Execution
from overnight.flows.controller.loop import run_loop
from overnight.flows.definition.campaign_file import CampaignFile
from overnight.flows.engine.nothing_to_do import why_finished, why_not_now
from overnight.flows.engine.reach import reach_prefect
from overnight.flows.engine.server import PrefectServer
from overnight.flows.engine.view import prefect_view
from overnight.flows.host.clock import Clock, SystemClock
from overnight.flows.host.log import LOG
from overnight.flows.host.stop import StopRequest
from overnight.flows.host.work_folder import close_work
from overnight.flows.proposing.messages import Question, in_words
from overnight.flows.proposing.proposers import Proposer, Proposers
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.report_file import ReportFile
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import Rhythm, refuse_if_it_lives
from overnight.storage import open_ledger

_BEYOND_THE_TIME_LIMIT = timedelta(seconds=60)
_BEFORE_ASKING_AGAIN = 5.0
_Result = TypeVar("_Result")
_Logger = logging.Logger | logging.LoggerAdapter[logging.Logger]


@task(name="evaluate", task_run_name="{name}", tags=["evaluation"], cache_policy=NO_CACHE, persist_result=False)
async def evaluate_task(name: str, execution: Execution) -> EvaluationOutcome | State[None] | None:
    """Run one attempt; a bad evaluation is an outcome, not a failed task. What it printed is the task run's log."""
    del name
    try:
        return await execution.run()
    except asyncio.CancelledError:
        return _unwanted()
    finally:
        show_printed(execution, get_run_logger())


@task(name="propose", task_run_name="{name}", tags=["gpu"], cache_policy=NO_CACHE, persist_result=False)
async def propose_task(name: str, proposer: Proposer, question: Question) -> State[list[Proposal]]:
    """Ask for the next points; what they are, or why there are none, is the message of the run's state."""
    del name
    try:
        proposals = await proposer.ask(question)
    except OvernightError as problem:
        # Others stand in for a proposer that is away: no reason for a traceback on somebody's terminal, which
        # Prefect also writes for a state of the type `failed`.
        return Crashed(name="NoPoints", message=first_line(str(problem)), data=problem)
    except asyncio.CancelledError:
        return _unwanted()
    return Completed(message=in_words(proposals), data=proposals)


class PrefectSteps:
    """The steps as Prefect tasks, named by campaign, trial and attempt."""

    def __init__(self, proposers: Proposers) -> None:
        self._proposers = proposers

    async def evaluate(self, execution: Execution) -> EvaluationOutcome | None:
        """Run one attempt under a time limit of Prefect's, beyond the evaluator's own."""
        request = execution.request
        name = f"{request.campaign}-trial-{request.trial}-attempt-{request.attempt}"
        limit = execution.longest + _BEYOND_THE_TIME_LIMIT
        limited = evaluate_task.with_options(timeout_seconds=limit.total_seconds())
        # No tag of a trial's own: for every set of tags Prefect keeps a thread and a client, which ask for its limits.
        with tags(f"campaign:{request.campaign}"):
            ended = await _once_admitted(lambda: limited(name, execution))
        if not isinstance(ended, State):
            return ended
        raise asyncio.CancelledError if _is_cancelled() else TimeoutError(f"it took longer than {limit}")

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        """Return the next points."""
        name = f"{request.campaign.name}-propose-{request.history.next_trial}"
        if request.stand_in is not None:
            name += f"-{request.stand_in}"
        with tags(f"campaign:{request.campaign.name}"):
            state = await _once_admitted(lambda: propose_task(name, *self._proposers.of(request)))
        if _is_cancelled():
            raise asyncio.CancelledError
        return await state.aresult()


@dataclass(frozen=True)
class Surroundings:
    """What a caller in the same process may bring along: its clock, its way to stop, its display, its hurry.

    Whoever cannot wait ignores the campaign's window. `asked` are the proposers, if they are there already. `shown`
    says whether somebody may look at the Prefect server. `tell` is called, from any thread, with what a person should
    know though the campaign goes on. `report` writes the report that the server links to; without it that goes into
    the work folder.
    """

    clock: Clock = field(default_factory=SystemClock)
    stop: StopRequest = field(default_factory=StopRequest)
    watch: Callable[[History], None] = lambda history: None
    listening: Callable[[], AbstractContextManager[None]] = nullcontext
    tell: Callable[[str], None] = LOG.warning
    report: Callable[[History], Path] | None = None
    ignore_window: bool = False
    shown: bool = True
    asked: Proposers | None = None


# A flow's parameters are what Prefect stores and shows, so the surroundings reach it beside them.
surroundings: ContextVar[Surroundings] = ContextVar("surroundings")


@flow(name="campaign", flow_run_name="{file.campaign.name}", persist_result=False)
async def campaign_flow(file: CampaignFile) -> History | State[None]:
    """Run or resume a campaign and return its history; what a deployment starts in vain ends well and says why."""
    here = surroundings.get(None)
    if here is None:
        return await _deployed(file)
    try:
        return await _run(file, here)
    except CampaignHeld as held:
        # Prefect writes any other state on the terminal as an error; the caller says this one in a paragraph.
        return Completed(name="Held", message=str(held), data=held)
    except OvernightError as problem:
        # Raised, it would be a traceback on the terminal.
        return Failed(message=str(problem), data=problem)


async def _deployed(file: CampaignFile) -> History | State[None]:
    """Run it as its deployment wants, where nobody but Prefect is there to hear that there was nothing to do.

    That is found out before anything is written: people may have revised what was deployed.
    """
    here, context = Surroundings(), FlowRunContext.get()
    run = None if context is None else context.flow_run
    by_schedule = run is not None and run.auto_scheduled
    journal = Journal(open_ledger(file.ledger, file.campaign.name, Path()))
    await journal.refresh()
    try:
        if (why := why_finished(journal.history, file)) is not None:
            if run is not None and by_schedule:
                await _let_rest(run)
            return Completed(message=why)
        await refuse_if_it_lives(journal, Rhythm(), here.stop, here.tell)
        why = why_not_now(journal.history, file, here.clock.now(), by_schedule=by_schedule)
        return await _run(file, here) if why is None else Completed(message=why)
    except CampaignHeld as held:
        return Completed(message=str(held))


async def _let_rest(run: FlowRun) -> None:
    """Have Prefect start no more by the schedule that started this; where its server is away, the next run tries it."""
    with suppress(Exception):
        async with get_client() as client:
            await client.pause_deployment(str(run.deployment_id))


async def _run(file: CampaignFile, here: Surroundings) -> History:
    # Prefect takes SIGTERM for itself when a flow begins, so whoever wants to hear it listens from here on.
    opened = open_ledger(file.ledger, file.campaign.name, Path())
    close_work(Path(file.work), file.campaign.name, here.tell)
    report = here.report or ReportFile(file, Path(file.work)).write
    with here.listening():
        async with (
            anchored(opened, file, here.clock, here.tell) as ledger,
            placed(file, tell=here.tell) as evaluator,
            proposers(file) if here.asked is None else nullcontext(here.asked) as asked,
            prefect_view(file, report, here.tell) if here.shown else nullcontext(_nobody) as show,
        ):
            job = job_of(file, ledger, evaluator, ignore_window=here.ignore_window)
            watch = watched_by(here.watch, show)
            return await run_loop(job, PrefectSteps(asked), here.clock, here.stop, watch, here.tell)


async def run_with_server(file: CampaignFile, server: PrefectServer | None, here: Surroundings) -> History:
    """Run or resume a campaign in this process, at this server or at the one that the user has named."""
    async with proposers(file) as asked:
        await asyncio.gather(asked.warm_up(), reach_prefect(here.tell) if server is None else server.ready())
        # Nobody looks at a server that lives as long as one campaign.
        surroundings.set(replace(here, shown=server is None, asked=asked))
        with tags("overnight", f"campaign:{file.campaign.name}"), _settings_of(server):
            state: State[Any] = await campaign_flow(file, return_state=True)  # pyright: ignore
            ended = await state.aresult()
    if isinstance(ended, OvernightError):
        raise ended
    assert isinstance(ended, History)
    return ended


def _settings_of(server: PrefectServer | None) -> AbstractContextManager[object]:
    """Have this process ask a server of ours; not by the environment, which its child processes inherit."""
    if server is None:
        return nullcontext()
    return temporary_settings(updates={PREFECT_API_URL: server.url, PREFECT_API_AUTH_STRING: server.auth})


def _unwanted() -> State[Any]:
    """Return how a run ends whose outcome nobody waits for: as an exception it would be a crash on the terminal."""
    return Completed(name="Unwanted", message="nobody waits for it any more")


def _is_cancelled() -> bool:
    """Tell whether somebody wants this asyncio task to end, and not only a time limit within it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _once_admitted(begin: Callable[[], Awaitable[_Result]]) -> _Result:
    """Run a task as soon as Prefect lets it begin.

    While its server is away nobody can tell whether a limit has room for the task: nothing has begun then, and that is
    no failure of what it would have done.
    """
    while True:
        try:
            return await begin()
        except ConcurrencySlotAcquisitionError as problem:
            LOG.warning("Prefect lets nothing begin, and is asked again: %s", problem)
        await asyncio.sleep(_BEFORE_ASKING_AGAIN)


def show_printed(execution: Execution, logger: _Logger) -> None:
    """Log what an evaluation has printed; where that cannot be read, it takes nothing from how the evaluation ended."""
    with suppress(OSError):
        shown = printed(execution.evaluator, execution.folder) if logger.isEnabledFor(logging.INFO) else {}
        for stream, text in shown.items():
            logger.info("%s:\n%s", stream, text)


def watched_by(*watchers: Callable[[History], None]) -> Callable[[History], None]:
    """Return what calls all of them: a terminal that is gone, or a log on a full disk, ends no campaign."""

    def watch(history: History) -> None:
        for watcher in watchers:
            with suppress(OSError):
                watcher(history)

    return watch


def _nobody(history: History) -> None:
    """Show a history to nobody."""
