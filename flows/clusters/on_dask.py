"""Evaluations as tasks of a Dask cluster."""

import importlib
from datetime import timedelta
from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from campaign.duration import Duration
from flows.clusters.launcher import Launcher
from flows.clusters.resources import Resources


class OnDask(BaseModel):
    """On the workers of the scheduler at this address; `start_within` is how long an attempt may wait for one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["dask"] = "dask"
    dask: Annotated[str, Field(pattern=r"^(tcp|tls|ws|wss)://[^\s/]+:\d+$")]
    start_within: Duration = timedelta(days=1)

    def __str__(self) -> str:
        return f"the Dask cluster {self.dask}"

    def problems(self) -> list[str]:
        """Return what is missing for it, a sentence each."""
        if find_spec("prefect_dask") is not None:
            return []
        return ["`run_on.dask`: expected prefect-dask to be installed, found none; `pip install 'overnight[dask]'`"]

    def launcher(self, resources: Resources) -> Launcher:
        """Return what submits the tasks."""
        # Half a second, which nobody should wait for whose evaluations run elsewhere.
        return importlib.import_module("flows.clusters.dask_launcher").DaskLauncher(self.dask, resources)
