"""A campaign as a Prefect flow: the same loop and steps, scheduled, limited and shown by Prefect.

Prefect executes and shows; the ledger remembers. Prefect neither retries nor caches: attempts belong to the ledger.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
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

from overnight.campaign import History, Proposal
from overnight.campaign.errors import CampaignHeld, OvernightError
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.campaign.parameters import Value
from overnight.campaign.values.harmless import first_line
from overnight.evaluators.results.printed import printed
from overnight.flows.assembly import anchored, followed, job_of, placed, proposers
from overnight.flows.controller.job import Execution
from overnight.flows.controller.loop import run_loop
from overnight.flows.definition.campaign_file import CampaignFile
from overnight.flows.engine.audience import audience
from overnight.flows.engine.nothing_to_do import why_finished, why_not_now
from overnight.flows.engine.reach import reach_prefect
from overnight.flows.engine.server import PrefectServer
from overnight.flows.engine.view import prefect_view
from overnight.flows.engine.written_order import in_written_order
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
_RETRY_PAUSE = 5.0
_Result = TypeVar("_Result")
_Logger = logging.Logger | logging.LoggerAdapter[logging.Logger]


@task(name="evaluate", task_run_name="{name}", tags=["evaluation"], cache_policy=NO_CACHE, persist_result=False)
async def evaluate_task(name: str, execution: Execution) -> EvaluationAnswer | State[None] | None:
    """Run one attempt; a bad evaluation is an outcome, not a failed task. Its output becomes the task run's log."""
    del name
    try:
        return await execution.run()
    except asyncio.CancelledError:
        return _no_longer_needed()
    finally:
        show_printed(execution, get_run_logger())


@task(name="propose", task_run_name="{name}", tags=["gpu"], cache_policy=NO_CACHE, persist_result=False)
async def propose_task(name: str, proposer: Proposer, question: Question) -> State[list[Proposal]]:
    """Ask for the next points; the message of the run's state lists them, or gives the reason that none came."""
    del name
    try:
        proposals = await proposer.ask(question)
    except OvernightError as problem:
        # A stand-in replaces an unavailable proposer, so the terminal needs no traceback. Prefect would print one for
        # a state of the type `failed`, too.
        return Crashed(name="NoPoints", message=first_line(str(problem)), data=problem)
    except asyncio.CancelledError:
        return _no_longer_needed()
    return Completed(message=in_words(proposals), data=proposals)


class PrefectSteps:
    """The steps as Prefect tasks, named by campaign, trial and attempt."""

    def __init__(self, proposers: Proposers) -> None:
        self._proposers = proposers

    async def evaluate(self, execution: Execution) -> EvaluationAnswer | None:
        """Run one attempt under a time limit of Prefect, which is longer than the evaluator's own."""
        request = execution.request
        name = f"{request.campaign}-trial-{request.trial}-attempt-{request.attempt}"
        limit = execution.longest + _BEYOND_THE_TIME_LIMIT
        limited = evaluate_task.with_options(timeout_seconds=limit.total_seconds())
        if request.arms and request.trial != request.arms[0].trial:
            # The arms of a batch share one evaluation, so only one of them counts where Prefect limits evaluations:
            # others that waited for a place would keep it waiting.
            limited = limited.with_options(tags=["arm"])
        # No tag for each trial: for every set of tags Prefect keeps a thread and a client that ask for its limits.
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
    """The parts that a caller in the same process may provide, such as its clock, its display and its way to stop.

    `ignore_window` starts trials outside the window. `asked` are the proposers, if they exist already. `shown` is false
    if no person can look at the Prefect server. `notify` is called, from any thread, with each warning while the
    campaign continues. `report` writes the report that the server links to, by default into the work folder. `fix`
    keeps parameters at values during this run.
    """

    clock: Clock = field(default_factory=SystemClock)
    stop: StopRequest = field(default_factory=StopRequest)
    watch: Callable[[History], None] = lambda history: None
    listening: Callable[[], AbstractContextManager[None]] = nullcontext
    notify: Callable[[str], None] = LOG.warning
    report: Callable[[History], Path] | None = None
    ignore_window: bool = False
    shown: bool = True
    asked: Proposers | None = None
    fix: Mapping[str, Value] = field(default_factory=dict[str, Value])


# Prefect stores and shows the parameters of a flow, so the surroundings are not among them.
surroundings: ContextVar[Surroundings] = ContextVar("surroundings")


@flow(name="campaign", flow_run_name="{file.campaign.name}", persist_result=False)
async def campaign_flow(file: CampaignFile, order: tuple[str, ...] = ()) -> History | State[None]:
    """Run or resume a campaign and return its history; a deployed run with nothing to do completes with the reason.

    A deployed run puts the parameters of the campaign into the given order.
    """
    here = surroundings.get(None)
    if here is None:
        return await _deployed(in_written_order(file, order))
    try:
        return await _run(file, here)
    except CampaignHeld as held:
        # Prefect prints any other state as an error on the terminal; the caller prints this one as a paragraph.
        return Completed(name="Held", message=str(held), data=held)
    except OvernightError as problem:
        # If it were raised, Prefect would print a traceback on the terminal.
        return Failed(message=str(problem), data=problem)


async def _deployed(file: CampaignFile) -> History | State[None]:
    """Run a deployed campaign; if there is nothing to do, return a state with the reason, which Prefect shows.

    That is decided before anything is written: people may have revised the campaign since it was deployed.
    """
    here, context = Surroundings(), FlowRunContext.get()
    run = None if context is None else context.flow_run
    by_schedule = run is not None and run.auto_scheduled
    journal = Journal(open_ledger(file.ledger, file.campaign.name, Path()))
    await journal.refresh()
    try:
        if (why := why_finished(journal.history, file)) is not None:
            if run is not None and by_schedule:
                await _pause_schedule(run)
            return Completed(message=why)
        await refuse_if_it_lives(journal, Rhythm(), here.stop, here.notify)
        why = why_not_now(journal.history, file, here.clock.now(), by_schedule=by_schedule)
        return await _run(file, here) if why is None else Completed(message=why)
    except CampaignHeld as held:
        return Completed(message=str(held))


async def _pause_schedule(run: FlowRun) -> None:
    """Pause the schedule that started this run; if Prefect's server is unavailable, the next run tries it again."""
    with suppress(Exception):
        async with get_client() as client:
            await client.pause_deployment(str(run.deployment_id))


async def _run(file: CampaignFile, here: Surroundings) -> History:
    # Prefect handles SIGTERM itself once a flow has begun, so the caller's own handlers are installed only here.
    opened = open_ledger(file.ledger, file.campaign.name, Path())
    close_work(Path(file.work), file.campaign.name, here.notify)
    report = here.report or ReportFile(file, Path(file.work)).write
    # The audience leaves last, because Prefect's view writes the report that it is shown.
    with here.listening():
        async with (
            audience(file, here.clock, report, here.notify) as mirror,
            anchored(opened, file, here.clock, here.notify) as ledger,
            placed(file, notify=here.notify) as evaluator,
            proposers(file) if here.asked is None else nullcontext(here.asked) as asked,
            prefect_view(file, report, here.notify) if here.shown else nullcontext(_ignore) as show,
        ):
            whole = followed(file, evaluator, here.clock, here.notify)
            job = job_of(file, ledger, whole, asked, ignore_window=here.ignore_window, fix=here.fix)
            watch = watched_by(here.watch, show, mirror)
            return await run_loop(job, PrefectSteps(asked), here.clock, here.stop, watch, here.notify)


async def run_with_server(file: CampaignFile, server: PrefectServer | None, here: Surroundings) -> History:
    """Run or resume a campaign in this process, on this server; with None, on the one that the user has named."""
    async with proposers(file) as asked:
        await asyncio.gather(asked.warm_up(), reach_prefect(here.notify) if server is None else server.ready())
        # A server that lives only as long as one campaign has no visitors.
        surroundings.set(replace(here, shown=server is None, asked=asked))
        with tags("overnight", f"campaign:{file.campaign.name}"), _settings_of(server):
            state: State[Any] = await campaign_flow(file, return_state=True)  # pyright: ignore
            ended = await state.aresult()
    if isinstance(ended, OvernightError):
        raise ended
    assert isinstance(ended, History)
    return ended


def _settings_of(server: PrefectServer | None) -> AbstractContextManager[object]:
    """Let this process use a private server; not through the environment, which its child processes inherit."""
    if server is None:
        return nullcontext()
    return temporary_settings(updates={PREFECT_API_URL: server.url, PREFECT_API_AUTH_STRING: server.auth})


def _no_longer_needed() -> State[Any]:
    """Return the state of a run that is no longer needed; Prefect would print an exception as a crash."""
    return Completed(name="Unwanted", message="it is no longer needed")


def _is_cancelled() -> bool:
    """Return whether this asyncio task itself is cancelled, and not only by a time limit within it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _once_admitted(begin: Callable[[], Awaitable[_Result]]) -> _Result:
    """Run a task as soon as Prefect lets it begin.

    While its server is unavailable, Prefect cannot check whether its limits have room for the task. Nothing has begun
    then, so neither the evaluation nor the proposal has failed.
    """
    while True:
        try:
            return await begin()
        except ConcurrencySlotAcquisitionError as problem:
            LOG.warning("Prefect does not let the task begin, and is asked again: %s", problem)
        await asyncio.sleep(_RETRY_PAUSE)


def show_printed(execution: Execution, logger: _Logger) -> None:
    """Log the output of an evaluation; output that cannot be read does not change how the evaluation ended."""
    with suppress(OSError):
        shown = printed(execution.evaluator, execution.folder) if logger.isEnabledFor(logging.INFO) else {}
        for stream, text in shown.items():
            logger.info("%s:\n%s", stream, text)


def watched_by(*watchers: Callable[[History], None]) -> Callable[[History], None]:
    """Return a function that calls all of them; a closed terminal or a log on a full disk ends no campaign."""

    def watch(history: History) -> None:
        for watcher in watchers:
            with suppress(OSError):
                watcher(history)

    return watch


def _ignore(history: History) -> None:
    """Ignore a history that has no viewers."""
