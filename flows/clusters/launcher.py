"""The protocol of a launcher: it has a cluster carry out orders and reports their state."""

import asyncio
from typing import Any, Protocol

from overnight.flows.clusters.order import Claim, Order


class Launcher(Protocol):
    """The part of a cluster that a controller needs.

    The mailbox of an attempt shows whether it runs, lives and has ended. The cluster's own reports count only if the
    mailbox is silent, and a launch that is lost or repeated does no harm.
    """

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> asyncio.Future[Any] | None:
        """Have a worker carry out the order, if possible none of those to avoid.

        An order whose key is known to the cluster is not sent again. Returns a future that is done once the cluster
        reports the end of the order, good or bad; None if the cluster sends no reports. Any error of the cluster's
        client is raised.
        """
        ...

    async def ended(self, key: str, worker: str) -> str | None:
        """Return how an order, or the worker that took it, came to a bad end, according to the cluster.

        Return None for all others, including those that ended well, and if the cluster does not answer. Raises nothing.
        """
        ...

    async def returns(self, key: str, claim: Claim) -> bool:
        """Return whether the cluster will run the job with this claim of an order again, or already does, if known.

        It is asked only about claims that count runs. Raises nothing.
        """
        ...

    async def withdraw(self, key: str) -> None:
        """Withdraw an order that has not begun; nothing is promised for others. Raises nothing."""
        ...

    async def close(self) -> None:
        """Close the connection; running orders continue."""
        ...
