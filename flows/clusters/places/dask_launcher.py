"""Orders as tasks of a Dask cluster, through the client of prefect-dask.

Dask may run a task again after a worker has died; the attempt's claim ensures that it is evaluated only once.
"""

import asyncio
from contextlib import suppress
from typing import Any

from distributed import Future
from prefect_dask.client import PrefectDaskClient

from overnight.flows.clusters.order import Claim, Order
from overnight.flows.clusters.places.dask_worker import evaluate_on_dask
from overnight.flows.clusters.resources import Resources

_CONNECT_SECONDS = 30


class DaskLauncher:
    """A Launcher for the Dask cluster with its scheduler at this address."""

    def __init__(self, address: str, resources: Resources) -> None:
        self.address, self.resources = address, resources
        self._futures: dict[str, Future] = {}
        self._connecting = asyncio.Lock()
        self._connected: PrefectDaskClient | None = None

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> asyncio.Future[Any]:
        """Submit a task under the order's key, to workers other than those to avoid if there are any."""
        client = await self._client()
        key = order.request.key
        others = [address for address in await self._workers(client) if address not in avoid] if avoid else []
        self._futures[key] = future = client.submit(
            evaluate_on_dask,
            order.model_dump_json(),
            key=f"overnight-{key}",
            resources=self.resources.named() or None,
            workers=others or None,
            allow_other_workers=bool(others),
            retries=0,
            pure=False,
        )
        # In an event loop this returns an awaitable, contrary to its annotation.
        ended: Any = future.exception()
        return asyncio.ensure_future(ended)

    async def ended(self, key: str, worker: str) -> str | None:
        """Return how a task failed, or the fact that the worker that took it has left the cluster."""
        future = self._futures.get(key)
        if future is None:
            return None
        if future.status == "error":
            return f"its Dask task failed: {await self._problem(future)}"
        if future.status in ("cancelled", "lost") and not worker:
            return f"its Dask task is {future.status}: the scheduler has forgotten it"
        with suppress(Exception):
            if worker and worker not in await self._workers(await self._client()):
                return f"the scheduler no longer knows the worker {worker}"
        return None

    async def returns(self, key: str, claim: Claim) -> bool:
        """Return False: no attempt is begun twice."""
        del key, claim
        return False

    async def withdraw(self, key: str) -> None:
        """Make the scheduler forget a task; one that is running continues until its mailbox asks it to stop."""
        future = self._futures.pop(key, None)
        if future is not None:
            with suppress(Exception):
                cancelling: Any = future.cancel()
                await cancelling

    async def close(self) -> None:
        """Close the client; running tasks continue to their end."""
        self._futures.clear()
        if self._connected is not None:
            with suppress(Exception):
                closing: Any = self._connected.close()
                await closing

    async def _client(self) -> PrefectDaskClient:
        async with self._connecting:
            if self._connected is None or self._connected.status not in ("running", "connecting"):
                self._connected = await PrefectDaskClient(
                    self.address, asynchronous=True, set_as_default=False, timeout=_CONNECT_SECONDS
                )
            return self._connected

    async def _workers(self, client: PrefectDaskClient) -> list[str]:
        scheduler: Any = client.scheduler
        return list((await scheduler.identity(n_workers=-1))["workers"])

    async def _problem(self, future: Future) -> str:
        with suppress(Exception):
            problem = await future.exception()
            return f"{type(problem).__name__}: {problem}"
        return "the reason is unknown"
