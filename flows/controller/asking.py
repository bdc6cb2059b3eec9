"""One request for points that is under way, and the trials that it leads to."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from overnight.campaign import History, Proposal
from overnight.campaign.history.events import TrialProposed
from overnight.campaign.history.provenance import Asked
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.rules.new_trials import proposed_events
from overnight.flows.session.lease import CONTROLLER


@dataclass(frozen=True)
class Asking:
    """A request under way, since `began` on the event loop's clock; `away` says why a stand-in was asked."""

    task: asyncio.Task[list[Proposal]]
    request: ProposalRequest
    began: float
    away: str | None = None

    def answered(self) -> "Answered":
        """Return what came of it, once points have come."""
        return Answered(self.request, tuple(self.task.result()), passed() - self.began, self.away)


@dataclass(frozen=True)
class Answered:
    """Points that were proposed in so many seconds; nothing of them is in the ledger yet."""

    request: ProposalRequest
    proposals: tuple[Proposal, ...]
    seconds: float
    away: str | None

    def is_out_of_date(self, history: History) -> bool:
        """Tell whether a trial was added or the campaign revised meanwhile, so that its points are computed anew."""
        asked = self.request.history
        return (asked.next_trial, asked.revised) != (history.next_trial, history.revised)

    def events(self, history: History, now: datetime) -> list[TrialProposed]:
        """Return what is appended when its points become trials."""
        asked = Asked(
            events_seen=self.request.events_seen,
            seconds=self.seconds,
            unseen=history.trials.observed - self.request.history.trials.observed,
            # Otherwise the proposer itself records that points stand in for its own.
            stand_in=self.request.stand_in,
            away=None if self.request.stand_in is None else self.away,
        )
        return proposed_events(history, self.proposals, now, CONTROLLER, asked)


def passed() -> float:
    """Return seconds of a clock that nobody sets; only differences mean anything."""
    return asyncio.get_running_loop().time()
