"""A request for points, as the controller passes it to a proposer."""

from dataclasses import dataclass

from overnight.bo_core import AnyProposer
from overnight.campaign import Campaign, History
from overnight.campaign.history.provenance import StandIn
from overnight.flows.proposing.settings import standing_in


@dataclass(frozen=True)
class ProposalRequest:
    """Asks for the next `q` points, given the history of the ledger's first `events_seen` events.

    If the proposer does not answer, `stand_in` names the one that is asked instead.
    """

    proposer: AnyProposer
    history: History
    events_seen: int
    q: int
    stand_in: StandIn | None = None

    @property
    def campaign(self) -> Campaign:
        """Return the campaign's definition, as last revised."""
        return self.history.definition

    @property
    def asked(self) -> AnyProposer:
        """Return the proposer or its stand-in."""
        return standing_in(self.proposer, self.stand_in)
