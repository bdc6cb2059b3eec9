"""Evaluations as flow runs on a Prefect work pool, in processes, containers or pods."""

import importlib
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from overnight.campaign.values.duration import Duration
from overnight.flows.clusters.launcher import Launcher
from overnight.flows.clusters.places.kind import PlaceKind
from overnight.flows.clusters.resources import Needs, Resources
from overnight.flows.host.named_server import missing_server


class OnPool(PlaceKind):
    """On the workers of the work pool of this name; `start_within` limits an attempt's wait for a worker."""

    form: ClassVar[str] = "`{pool: NAME}` of a Prefect work pool"

    kind: Literal["pool"] = "pool"
    pool: Annotated[str, Field(pattern=r"^[^/%&><]+$")]
    start_within: Duration = timedelta(days=1)

    def __str__(self) -> str:
        return f"work pool `{self.pool}`"

    def problems(self, needs: Needs) -> list[str]:
        """Return the parts that are missing for it, a sentence each.

        It is not reached before it is used: it is created on its server, which has already been reached.
        """
        del needs
        return missing_server("run_on.pool")

    def launcher(self, resources: Resources) -> Launcher:
        """Return the launcher that creates the flow runs."""
        # Prefect reads its settings when it is imported, and a mere check never needs it.
        return importlib.import_module("overnight.flows.clusters.places.pool_launcher").PoolLauncher(
            self.pool, resources
        )
