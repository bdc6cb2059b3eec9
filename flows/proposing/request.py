"""A request for points, as the controller hands it to a proposer."""

from dataclasses import dataclass

from overnight.bo_core import AnyProposer
from overnight.campaign import Campaign, History
from overnight.campaign.history.provenance import StandIn
from overnight.flows.proposing.settings import standing_in


@dataclass(frozen=True)
class ProposalRequest:
    """The next `q` points are wanted, in the light of the history that the ledger's first `events_seen` events make.

    Where a `stand_in` is named, the proposer is away and that is asked in its place.
    """

    proposer: AnyProposer
    history: History
    events_seen: int
    q: int
    stand_in: StandIn | None = None

    @property
    def campaign(self) -> Campaign:
        """Return what is asked for, as last revised."""
        return self.history.definition

    @property
    def asked(self) -> AnyProposer:
        """Return the proposer or what stands in for it."""
        return standing_in(self.proposer, self.stand_in)
