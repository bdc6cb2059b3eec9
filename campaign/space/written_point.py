"""A point as a person writes it, in which `null` stands for an inactive parameter."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from overnight.campaign.parameters import Value
from overnight.campaign.space.space import Point


def _without_nulls(written: Any) -> Any:
    if not isinstance(written, Mapping):
        return written
    return {name: value for name, value in written.items() if value is not None}


WrittenPoint = Annotated[Point, BeforeValidator(_without_nulls, json_schema_input_type=dict[str, Value | None])]
