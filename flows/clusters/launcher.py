"""The protocol of a launcher: it has a cluster carry out orders and reports their state."""

import asyncio
from typing import Any, Protocol

from overnight.flows.clusters.order import Order


class Launcher(Protocol):
    """A cluster, as far as a controller needs it.

    Whether an attempt runs, lives and has ended is told by its mailbox; what a cluster says is only believed where
    the mailbox is silent, and a launch that was lost or doubled does no harm.
    """

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> asyncio.Future[Any] | None:
        """Have the order carried out by some worker, if possible none of those to avoid.

        An order whose key is known to the cluster is not sent again. Returns what is done once the cluster says that it
        has ended, well or not; None where it does not tell by itself. Raises whatever the cluster's client raises.
        """
        ...

    async def ended(self, key: str, worker: str) -> str | None:
        """Return what the cluster says of an order that came to a bad end, with it or with the worker that took it.

        None of all others, also of one that ended well, and where the cluster does not answer. Raises nothing.
        """
        ...

    async def withdraw(self, key: str) -> None:
        """Take back an order that has not begun; of others nothing is promised. Raises nothing."""
        ...

    async def close(self) -> None:
        """Give up the connection; what runs goes on."""
        ...
