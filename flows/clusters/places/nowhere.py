"""The place of an attempt whose recorded place can no longer be read."""

from dataclasses import dataclass
from datetime import timedelta

from overnight.campaign.errors import LedgerError
from overnight.flows.clusters.launcher import Launcher
from overnight.flows.clusters.order import SENT, Claim, Order
from overnight.flows.clusters.resources import Resources


@dataclass(frozen=True)
class Nowhere:
    """A place without workers, and its own Launcher: it starts nothing, but a running attempt can be followed."""

    start_within: timedelta = timedelta.max

    def __str__(self) -> str:
        return "an unknown place"

    def launcher(self, resources: Resources) -> Launcher:
        """Return itself, which launches nothing."""
        del resources
        return self

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> None:
        """Raise LedgerError."""
        raise LedgerError(f"`{SENT}` in the mailbox cannot be read")

    async def ended(self, key: str, worker: str) -> str | None:
        """Return None: there is no cluster to ask."""

    async def returns(self, key: str, claim: Claim) -> bool:
        """Return False: there is no cluster to ask."""
        del key, claim
        return False

    async def withdraw(self, key: str) -> None:
        """Return at once."""

    async def close(self) -> None:
        """Return at once."""
