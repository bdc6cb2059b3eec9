"""One request for proposals under way, and the trials that it leads to."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from overnight.campaign import History, Proposal
from overnight.campaign.history.events import TrialProposed
from overnight.campaign.history.provenance import Asked
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.proposing.settings import unrecorded_settings
from overnight.flows.rules.new_trials import proposed_events
from overnight.flows.session.lease import CONTROLLER


@dataclass(frozen=True)
class Asking:
    """A request under way since `began` on the event loop's clock; `away` is the reason that a stand-in was asked."""

    task: asyncio.Task[list[Proposal]]
    request: ProposalRequest
    began: float
    away: str | None = None

    def answered(self) -> "Answered":
        """Return the answer, once the points have come."""
        return Answered(self.request, tuple(self.task.result()), passed() - self.began, self.away)


@dataclass(frozen=True)
class Answered:
    """Proposed points, and the seconds that they took; none of them is in the ledger yet."""

    request: ProposalRequest
    proposals: tuple[Proposal, ...]
    seconds: float
    away: str | None

    def is_out_of_date(self, history: History) -> bool:
        """Return whether a trial was added or the campaign revised since; the points must be computed again then."""
        asked = self.request.history
        return (asked.next_trial, asked.revised) != (history.next_trial, history.revised)

    def events(self, history: History, now: datetime) -> list[TrialProposed]:
        """Return the events that turn the points into trials."""
        asked = Asked(
            events_seen=self.request.events_seen,
            seconds=self.seconds,
            points=self.request.q,
            unseen=history.trials.observed - self.request.history.trials.observed,
            # If no stand-in was asked, the proposer itself records points that replace its own.
            stand_in=self.request.stand_in,
            away=None if self.request.stand_in is None else self.away,
            proposer=unrecorded_settings(self.request.proposer, self.request.history),
        )
        return proposed_events(history, self.proposals, now, CONTROLLER, asked)


def passed() -> float:
    """Return the seconds of a clock that is never set; only differences are meaningful."""
    return asyncio.get_running_loop().time()
