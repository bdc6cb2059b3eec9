"""The kinds of places under `run_on`; each takes one line here."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from overnight.campaign.problems import shown
from overnight.flows.clusters.here import Here
from overnight.flows.clusters.on_dask import OnDask
from overnight.flows.clusters.on_pool import OnPool


def as_written(value: Any) -> Any:
    """Return the place with its kind filled in, if it is `here`, `{pool: NAME}` or `{dask: ADDRESS}`."""
    if value == "here":
        return {"kind": "here"}
    if isinstance(value, Here | OnPool | OnDask) or (isinstance(value, Mapping) and "kind" in value):
        return value
    kinds = [kind for kind in ("pool", "dask") if isinstance(value, Mapping) and kind in value]
    if len(kinds) == 1:
        return {"kind": kinds[0], **value}
    expected = "expected `here`, `{pool: NAME}` of a Prefect work pool or `{dask: tcp://HOST:PORT}` of a scheduler"
    raise ValueError(f"{expected}, got {shown(value)}")


AnyPlace = Annotated[
    Here | OnPool | OnDask,
    Field(discriminator="kind"),
    BeforeValidator(as_written, json_schema_input_type=Literal["here"] | Here | OnPool | OnDask),
]
