"""An event as a row: its `body` is the event itself as JSON, and what people ask for has a typed column beside it."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter

from campaign.evaluation import Measurement
from campaign.events import Event
from campaign.space import Point, Value

_INT64 = range(-(2**63), 2**63)
TIME = pa.timestamp("us", "UTC")
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
FIELDS = {
    "kind": pa.string(),
    "time": TIME,
    "actor": pa.string(),
    "trial": pa.int64(),
    "attempt": pa.int32(),
    "generator": pa.string(),
    "key": pa.string(),
    "deadline": TIME,
    "step": pa.int64(),
    "cause": pa.string(),
    "message": pa.string(),
    "will_retry": pa.bool_(),
    "seconds": pa.float64(),
    "cost": pa.float64(),
}
TYPED = pa.schema(
    [
        ("segment", pa.int64()),
        ("position", pa.int32()),
        ("event_id", pa.string()),
        *FIELDS.items(),
        ("parameters", pa.list_(_PARAMETER)),
        ("metrics", pa.list_(_METRIC)),
    ]
)
SCHEMA = TYPED.append(pa.field("body", pa.string()))

_read_events: TypeAdapter[tuple[Event, ...]] = TypeAdapter(tuple[Event, ...])


def to_row(event: Event, segment: int, position: int) -> dict[str, Any]:
    """Return the event's row; raises ValueError or TypeError if it could not be read back as it is."""
    return {**typed(event, segment, position), "body": _body(event)}


def typed(event: Event, segment: int, position: int) -> dict[str, Any]:
    """Return the typed columns of the event's row; they hold nothing that its body does not."""
    point: Point | None = getattr(event, "point", None)
    metrics: Mapping[str, Measurement] | None = getattr(event, "metrics", None)
    return {
        "segment": segment,
        "position": position,
        "event_id": event.id,
        **{name: getattr(event, name, None) for name in FIELDS},
        "parameters": None if point is None else [{"name": n, **_column(v)} for n, v in point.items()],
        "metrics": None if metrics is None else [{"name": n, "mean": m.mean, "sem": m.sem} for n, m in metrics.items()],
    }


def events_of(bodies: Sequence[str]) -> tuple[Event, ...]:
    """Return the events whose bodies these are; raises ValueError if one is none."""
    return _read_events.validate_json("[" + ",".join(bodies) + "]")


def _body(event: Event) -> str:
    fields = event.model_dump()
    for name in ("time", "deadline"):
        if fields.get(name) is not None:
            fields[name] = _instant(name, fields[name])
    # Half a character, as in what a broken program prints, cannot be stored anywhere.
    text = json.dumps(fields, default=_seconds, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def _instant(name: str, moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError(f"`{name}`: expected a time with its zone, got {moment.isoformat()}")
    return moment.astimezone(UTC).isoformat()


def _column(value: Value) -> dict[str, Value]:
    """Return the column for the value, or nothing for a whole number that no column can hold."""
    if isinstance(value, bool):
        return {"flag": value}
    if isinstance(value, int):
        return {"integer": value} if value in _INT64 else {}
    return {"text" if isinstance(value, str) else "number": value}


def _seconds(value: Any) -> float:
    """Say a duration in JSON as the campaign's file does."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"expected what JSON can say, got {value!r}")
