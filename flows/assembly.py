"""Assemble the running parts of a campaign from its file; the only place that does."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from overnight.campaign.errors import CannotStart
from overnight.campaign.parameters import Value
from overnight.evaluators import Evaluator
from overnight.evaluators.sources import SourceFiles
from overnight.flows.clusters.gpu_problems import too_few_gpus
from overnight.flows.clusters.gpus import HostGpus, find_gpus
from overnight.flows.clusters.order import Pulse
from overnight.flows.clusters.places.here import Here
from overnight.flows.clusters.sent import SentEvaluator
from overnight.flows.controller.job import Job
from overnight.flows.definition.campaign_file import CampaignFile
from overnight.flows.definition.receipts import receipts_of
from overnight.flows.experiment.marking import Marking
from overnight.flows.experiment.together import Together
from overnight.flows.host.clock import Clock
from overnight.flows.host.log import LOG
from overnight.flows.polling.polled import Polled
from overnight.flows.proposing.messages import place_of
from overnight.flows.proposing.proposers import Proposer, Proposers
from overnight.flows.proposing.slot import ProposalSlot
from overnight.flows.session.anchored_ledger import AnchoredLedger, AnchorPlan
from overnight.flows.session.newest_receipt import check_newest_receipt
from overnight.storage import (
    Ledger,
    ParquetLedger,
    open_mailboxes,
)

# The stand-in has no stand-in of its own, so it may take long on a busy machine.
_STAND_IN_LIMIT = timedelta(minutes=10)


@asynccontextmanager
async def anchored(
    ledger: ParquetLedger,
    file: CampaignFile,
    clock: Clock,
    notify: Callable[[str], None],
) -> AsyncIterator[Ledger]:
    """Yield the ledger that a campaign writes to; it adds receipts if the campaign file asks for them.

    Raises LedgerDamaged if the ledger contradicts its newest receipt.
    """
    receipts = receipts_of(file)
    if receipts is None:
        yield ledger
        return
    await check_newest_receipt(ledger, receipts)
    growing = AnchoredLedger(ledger, AnchorPlan(receipts.path, receipts.ledger), clock, notify)
    try:
        yield growing
    finally:
        await growing.close()


@asynccontextmanager
async def placed(
    file: CampaignFile, pulse: Pulse | None = None, notify: Callable[[str], None] = LOG.warning
) -> AsyncIterator[SentEvaluator]:
    """Yield the file's evaluator, set to run at the file's `run_on` place; close its connections afterwards.

    Raises CannotStart if nothing answers there. `notify` is called once if the place is slow to answer, and once for
    the first attempt that waits long for a worker.
    """
    await file.run_on.reach(notify, file.needs)
    once = _only_once(notify)
    sent = replace(_sent(file, pulse or Pulse()), notify=once, gpus=await _gpus(file, once))
    try:
        yield sent
    finally:
        for launcher in sent.launchers.values():
            await launcher.close()


def followed(file: CampaignFile, evaluator: Evaluator, clock: Clock, notify: Callable[[str], None]) -> Evaluator:
    """Return an evaluator that follows evaluations which continue after their process, if the file allows them.

    That of an A/B test evaluates the arms of a batch together.
    """
    if file.polling is None:
        return evaluator
    if file.evaluator.at_server:
        return Polled(evaluator, file.polling, clock, notify, limited_by="evaluator.time_limit")
    if not file.campaign.is_ab_test:
        return Polled(evaluator, file.polling, clock, notify)
    ended = set[int]()
    return Together(Polled(Marking(evaluator, ended), file.polling, clock, notify), ended)


def _only_once(notify: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that passes on only its first text."""
    said: list[str] = []

    def told(text: str) -> None:
        if not said:
            said.append(text)
            notify(text)

    return told


async def _gpus(file: CampaignFile, notify: Callable[[str], None]) -> HostGpus | None:
    """Return the GPUs of this host that evaluations take turns in holding; None if they need none."""
    if not file.gpus_here:
        return None
    found = await asyncio.to_thread(find_gpus)
    if (problem := too_few_gpus(file.gpus_here, file.campaign, found)) is not None:
        raise CannotStart(f"{problem}. Nothing was started.")
    return HostGpus(found, file.gpus_here, Path(file.work) / f"{file.campaign.name}-gpus", notify)


def _sent(file: CampaignFile, pulse: Pulse) -> SentEvaluator:
    return SentEvaluator(
        evaluator=file.evaluator.with_variables(file.resources.variables()),
        place=file.run_on,
        resources=file.resources,
        # A worker elsewhere has another working folder.
        ledger=file.ledger if "://" in file.ledger else str(Path(file.ledger).resolve()),
        work=str(Path(file.work).resolve()),
        mailboxes=open_mailboxes(file.ledger, file.campaign.name, Path()),
        pulse=pulse,
    )


@asynccontextmanager
async def proposers(file: CampaignFile) -> AsyncIterator[Proposers]:
    """Yield the proposers that a campaign asks; end their processes afterwards."""
    place = place_of(file.ledger, file.campaign.name)
    logs, limit = Path(file.work) / f"{file.campaign.name}-proposer", file.proposing.time_limit
    secrets = file.evaluator.secrets()
    async with (
        ProposalSlot(logs / "log", limit, secrets) as slot,
        ProposalSlot(logs / "stand-in-log", _STAND_IN_LIMIT, secrets) as stand_in,
    ):
        pool = file.proposing.pool
        yield Proposers(place, slot if pool is None else _on_pool(pool, limit), stand_in)


def _on_pool(pool: str, limit: timedelta) -> Proposer:
    # Prefect is slow to import, and it reads its settings then: commands that only read must not import it.
    return importlib.import_module("overnight.flows.proposing.pool").PoolProposer(pool, limit)


def job_of(
    file: CampaignFile,
    ledger: Ledger,
    evaluator: Evaluator,
    asked: Proposers,
    *,
    ignore_window: bool,
    fix: Mapping[str, Value] | None = None,
) -> Job:
    """Return the parts that a campaign file combines; `evaluator` comes from `followed`, `asked` from `proposers`."""
    return Job(
        campaign=file.campaign,
        evaluator=evaluator,
        proposer=file.proposer,
        ledger=ledger,
        work=Path(file.work),
        proposing=file.proposing,
        settings=file.settings(),
        ignore_window=ignore_window,
        here=isinstance(file.run_on, Here),
        leaves_output=file.evaluator.leaves_output,
        sources=SourceFiles(file.evaluator).hashes,
        refuse_changed=file.evaluator_changed == "refuse",
        recommend=partial(asked.recommended, file.proposer),
        goes_on=file.polling is not None,
        fix=fix or {},
    )
