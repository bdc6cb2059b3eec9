"""An event as a typed row and back: what people ask for has a column, everything else is in `details`."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from campaign.evaluation import Measurement
from campaign.events import Event, read_event
from campaign.space import Point, Value

_INT64 = range(-(2**63), 2**63)
_TIME = pa.timestamp("us", "UTC")
_PARAMETER = pa.struct(
    [
        ("name", pa.string()),
        ("number", pa.float64()),
        ("integer", pa.int64()),
        ("text", pa.string()),
        ("flag", pa.bool_()),
    ]
)
_METRIC = pa.struct([("name", pa.string()), ("mean", pa.float64()), ("sem", pa.float64())])
_FIELDS = {
    "kind": pa.string(),
    "time": _TIME,
    "actor": pa.string(),
    "trial": pa.int64(),
    "attempt": pa.int32(),
    "generator": pa.string(),
    "key": pa.string(),
    "deadline": _TIME,
    "step": pa.int64(),
    "cause": pa.string(),
    "message": pa.string(),
    "will_retry": pa.bool_(),
    "seconds": pa.float64(),
    "cost": pa.float64(),
}

SCHEMA = pa.schema(
    [
        ("segment", pa.int64()),
        ("position", pa.int32()),
        ("event_id", pa.string()),
        *_FIELDS.items(),
        ("parameters", pa.list_(_PARAMETER)),
        ("metrics", pa.list_(_METRIC)),
        ("details", pa.string()),
    ]
)


def to_row(event: Event, segment: int, position: int) -> dict[str, Any]:
    """Return the event's row; raises ValueError or TypeError if it could not be read back as it is."""
    row: dict[str, Any] = {name: getattr(event, name, None) for name in _FIELDS}
    for name in ("time", "deadline"):
        if row[name] is not None and row[name].tzinfo is None:
            raise ValueError(f"`{name}`: expected a time with its zone, got {row[name].isoformat()}")
    rest = event.model_dump(exclude={*_FIELDS, "point", "metrics"})
    point: Point | None = getattr(event, "point", None)
    if point is not None and (large := {n: v for n, v in point.items() if not _typed(v)}):
        rest["point"] = large
    return {
        **row,
        "segment": segment,
        "position": position,
        "event_id": event.id,
        "parameters": None if point is None else [{"name": n, **_typed(v)} for n, v in point.items()],
        "metrics": _metric_rows(getattr(event, "metrics", None)),
        "details": json.dumps(rest, default=_seconds) if rest else None,
    }


def from_row(row: Mapping[str, Any]) -> Event:
    """Return the row's event; raises ValueError if the row does not hold one."""
    fields = {} if row["details"] is None else json.loads(row["details"])
    large = fields.pop("point", {})
    fields |= {name: _in_utc(row[name]) for name in _FIELDS if row[name] is not None}
    if row["parameters"] is not None:
        fields["point"] = {p["name"]: _value(p, large) for p in row["parameters"]}
    if row["metrics"] is not None:
        fields["metrics"] = {m["name"]: {"mean": m["mean"], "sem": m["sem"]} for m in row["metrics"]}
    event = read_event.validate_python(fields)
    if event.id != row["event_id"]:
        raise ValueError(f"expected event id {event.id!r}, found {row['event_id']!r}")
    return event


def _typed(value: Value) -> dict[str, Value]:
    """Return the column for the value, or nothing for a whole number that no column can hold."""
    if isinstance(value, bool):
        return {"flag": value}
    if isinstance(value, int):
        return {"integer": value} if value in _INT64 else {}
    return {"text" if isinstance(value, str) else "number": value}


def _value(parameter: Mapping[str, Any], large: Mapping[str, int]) -> Value:
    for column in ("number", "integer", "text", "flag"):
        if parameter[column] is not None:
            return parameter[column]
    return large[parameter["name"]]


def _metric_rows(metrics: Mapping[str, Measurement] | None) -> list[dict[str, Any]] | None:
    if metrics is None:
        return None
    return [{"name": name, "mean": m.mean, "sem": m.sem} for name, m in metrics.items()]


def _in_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _seconds(value: Any) -> float:
    """Say a duration in JSON as the campaign's file does."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"expected what JSON can say, got {value!r}")
