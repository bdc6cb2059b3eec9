"""Read rows of version 1, which have no body and keep all values without a column as JSON in `details`."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from overnight.campaign.history.events import Event, read_event
from overnight.campaign.parameters import Value
from overnight.storage.segments.rows_of_version_2 import FIELDS_2, TYPED_2, converted

SCHEMA_1 = TYPED_2.append(pa.field("details", pa.string()))


def from_row(row: Mapping[str, Any]) -> Event:
    """Return the row's event; raises ValueError if the row is not an event."""
    fields = {} if row["details"] is None else json.loads(row["details"])
    large = fields.pop("point", {})
    fields |= {name: _in_utc(row[name]) for name in FIELDS_2 if row[name] is not None}
    if row["parameters"] is not None:
        fields["point"] = {p["name"]: _value(p, large) for p in row["parameters"]}
    if row["metrics"] is not None:
        fields["metrics"] = {m["name"]: {"mean": m["mean"], "sem": m["sem"]} for m in row["metrics"]}
    event = read_event.validate_python(converted(fields))
    if event.id != row["event_id"]:
        raise ValueError(f"expected event id {event.id!r}, found {row['event_id']!r}")
    return event


def _value(parameter: Mapping[str, Any], large: Mapping[str, int]) -> Value:
    for column in ("number", "integer", "text", "flag"):
        if parameter[column] is not None:
            return parameter[column]
    return large[parameter["name"]]


def _in_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
