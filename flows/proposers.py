"""Who is asked for proposals: the slot beside the controller or a work pool, and another slot for what stands in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from campaign import Proposal
from flows.campaign_file import CampaignFile
from flows.job import ProposalRequest
from flows.pool_proposer import PoolProposer
from flows.proposal_messages import LedgerPlace, Question, place_of
from flows.proposal_slot import ProposalSlot

# Nothing stands in for what stands in, so it may take long on a machine that is busy.
_OF_STAND_IN = timedelta(minutes=10)


class Proposer(Protocol):
    """Whoever answers a question with points."""

    async def ask(self, question: Question) -> list[Proposal]:
        """Return the points; raises CannotPropose where there are none, ProposerAway where no answer came in time."""
        ...


@dataclass(frozen=True)
class Proposers:
    """One for what the campaign's file asks for, and one on this machine for what stands in while that is away."""

    place: LedgerPlace
    main: Proposer
    stand_in: Proposer

    def of(self, request: ProposalRequest) -> tuple[Proposer, Question]:
        """Return who is to be asked what."""
        lease = request.history.lease
        question = Question(
            place=self.place,
            events_seen=request.events_seen,
            q=request.q,
            asked=request.asked,
            # Epochs count from 1, without a gap.
            leases=0 if lease is None else lease.epoch,
        )
        return self.main if request.stand_in is None else self.stand_in, question

    async def warm_up(self) -> None:
        """Start the process on this machine while nobody waits for it; if that fails, the first question says why."""
        if isinstance(self.main, ProposalSlot):
            with suppress(OSError):
                await self.main.warm_up()


@asynccontextmanager
async def proposers(file: CampaignFile) -> AsyncIterator[Proposers]:
    """Give those that a campaign asks; their processes are gone afterwards."""
    place = place_of(file.ledger, file.campaign.name)
    logs, limit = Path(file.work) / f"{file.campaign.name}-proposer", file.proposing.time_limit
    secrets = file.evaluator.secrets()
    async with (
        ProposalSlot(logs / "log", limit, secrets) as slot,
        ProposalSlot(logs / "stand-in-log", _OF_STAND_IN, secrets) as stand_in,
    ):
        pool = file.proposing.pool
        yield Proposers(place, slot if pool is None else PoolProposer(pool, limit), stand_in)
