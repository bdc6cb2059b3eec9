"""Evaluations as tasks of a Dask cluster."""

import asyncio
import importlib
from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from overnight.campaign.errors import CannotStart
from overnight.campaign.values.duration import Duration
from overnight.flows.clusters.launcher import Launcher
from overnight.flows.clusters.places.kind import PlaceKind
from overnight.flows.clusters.resources import Needs, Resources
from overnight.flows.host.patience import wait_for

_PATIENCE, _ANSWER_SECONDS = 60.0, 10.0


class OnDask(PlaceKind):
    """On the workers of the Dask scheduler at this address; `start_within` limits an attempt's wait for a worker."""

    form: ClassVar[str] = "`{dask: tcp://HOST:PORT}` of a scheduler"

    kind: Literal["dask"] = "dask"
    dask: Annotated[str, Field(pattern=r"^(tcp|tls|ws|wss)://[^\s/]+:\d+$")]
    start_within: Duration = timedelta(days=1)

    def __str__(self) -> str:
        return f"the Dask cluster {self.dask}"

    def problems(self, needs: Needs) -> list[str]:
        """Return the parts that are missing for it, a sentence each."""
        del needs
        if find_spec("prefect_dask") is not None:
            return []
        return ["`run_on.dask`: prefect-dask is not installed; install it with `pip install 'overnight[dask]'`"]

    async def reach(self, notify: Callable[[str], None], needs: Needs, patience: float = _PATIENCE) -> None:
        """Return once a scheduler answers, which may still be starting; raises CannotStart if none does in time."""
        del needs
        if (problem := await wait_for(self._problem, notify, patience)) is not None:
            advice = "Start one with `dask scheduler`, or correct the address. Nothing was started."
            raise CannotStart(f"{problem} {advice}")

    async def _problem(self) -> str | None:
        address = urlsplit(self.dask)
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address.hostname, address.port), _ANSWER_SECONDS)
        except OSError as problem:
            # This may be a TimeoutError, which has no text.
            why = str(problem) or "no answer"
            return f"run_on.dask: expected a Dask scheduler at {self.dask}, found none ({why})."
        writer.close()
        return None

    def launcher(self, resources: Resources) -> Launcher:
        """Return the launcher that submits the tasks."""
        # This import takes half a second, which campaigns without a Dask cluster need not spend.
        return importlib.import_module("overnight.flows.clusters.places.dask_launcher").DaskLauncher(
            self.dask, resources
        )
