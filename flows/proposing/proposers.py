"""The proposers of a campaign: a local slot or a work pool, and a slot for the stand-in."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from overnight.campaign import Proposal
from overnight.flows.proposing.messages import LedgerPlace, Question
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.proposing.slot import ProposalSlot


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
