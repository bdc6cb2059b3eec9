"""The proposers of a campaign: a local slot or a work pool, and a slot for the stand-in."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from overnight.bo_core import AnyProposer
from overnight.campaign import Proposal
from overnight.campaign.recommendation import Computed
from overnight.flows.proposing.messages import LedgerPlace, Question, RecommendationQuestion
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.proposing.slot import ProposalSlot


class Proposer(Protocol):
    """Answers a question with points."""

    async def ask(self, question: Question) -> list[Proposal]:
        """Return the points.

        Raises CannotPropose if no point is possible, ProposerUnavailable if no answer came in time.
        """
        ...


@dataclass(frozen=True)
class Proposers:
    """The proposer named in the campaign's file, and a stand-in on this machine for when it does not answer."""

    place: LedgerPlace
    main: Proposer
    stand_in: ProposalSlot

    def of(self, request: ProposalRequest) -> tuple[Proposer, Question]:
        """Return the proposer to ask, and the question."""
        lease, defined = request.history.lease, request.history.defined
        question = Question(
            place=self.place,
            events_seen=request.events_seen,
            q=request.q,
            asked=request.asked,
            # Epochs count from 1 without gaps, so the last one is the number of leases.
            leases=0 if lease is None else lease.epoch,
            uid="" if defined is None else defined.uid,
        )
        return self.main if request.stand_in is None else self.stand_in, question

    async def recommended(self, proposer: AnyProposer, events_seen: int) -> Computed | None:
        """Return the recommendation after so many events, computed on this machine; None before the first observation.

        Raises CannotPropose if none is possible, ProposerUnavailable if no answer came in time.
        """
        slot = self.main if isinstance(self.main, ProposalSlot) else self.stand_in
        question = RecommendationQuestion(place=self.place, events_seen=events_seen, settings_of=proposer)
        return await slot.recommended(question)

    async def warm_up(self) -> None:
        """Start the local process before the first question; if that fails, the first question reports why."""
        if isinstance(self.main, ProposalSlot):
            with suppress(OSError):
                await self.main.warm_up()
