"""Evaluations as flow runs on a Prefect work pool, in processes, containers or pods."""

import importlib
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign.values.duration import Duration
from overnight.flows.clusters.launcher import Launcher
from overnight.flows.clusters.resources import Resources
from overnight.flows.host.named_server import missing_server


class OnPool(BaseModel):
    """On the workers of the work pool of this name; `start_within` is how long an attempt may wait for one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["pool"] = "pool"
    pool: Annotated[str, Field(pattern=r"^[^/%&><]+$")]
    start_within: Duration = timedelta(days=1)

    def __str__(self) -> str:
        return f"work pool `{self.pool}`"

    async def reach(self, tell: Callable[[str], None]) -> None:
        """Return at once: the pool is made at its server, which has been reached by now."""

    def problems(self) -> list[str]:
        """Return what is missing for it, a sentence each."""
        return missing_server("run_on.pool")

    def launcher(self, resources: Resources) -> Launcher:
        """Return what creates the flow runs."""
        # Prefect reads its settings when it is imported, and a check must not pay for it.
        return importlib.import_module("overnight.flows.clusters.pool_launcher").PoolLauncher(self.pool, resources)
