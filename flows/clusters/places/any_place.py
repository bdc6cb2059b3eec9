"""The kinds of places under `run_on`; each takes one line here."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from overnight.campaign.problems import shown
from overnight.flows.clusters.places.here import Here
from overnight.flows.clusters.places.on_dask import OnDask
from overnight.flows.clusters.places.on_pool import OnPool
from overnight.flows.clusters.places.on_slurm import OnSlurm

Place = Here | OnPool | OnDask | OnSlurm


def as_written(value: Any) -> Any:
    """Return the place with its kind filled in, if it is `here` or a mapping with the key of one kind."""
    if value == "here":
        return {"kind": "here"}
    if isinstance(value, Place) or (isinstance(value, Mapping) and "kind" in value):
        return value
    kinds = {kind.model_fields["kind"].default: kind for kind in get_args(Place)}
    named = [name for name, kind in kinds.items() if name in kind.model_fields]
    written = [name for name in named if isinstance(value, Mapping) and name in value]
    if len(written) == 1:
        return {"kind": written[0], **value}
    *others, last = (kind.form for kind in kinds.values())
    raise ValueError(f"expected {', '.join(others)} or {last}, got {shown(value)}")


AnyPlace = Annotated[
    Place,
    Field(discriminator="kind"),
    BeforeValidator(as_written, json_schema_input_type=Literal["here"] | Place),
]
