"""Events as rows: the event itself as JSON in `body`, and a typed column for each value that people query."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter

from overnight.campaign.evaluation import Measurement
from overnight.campaign.history.events import Event
from overnight.campaign.recommendation import Recommendation
from overnight.campaign.space import Point
from overnight.storage.segments.columns import FIELDS, METRIC, PARAMETER, SCHEMA, TYPED, lists
from overnight.storage.segments.rows_of_version_2 import current, may_be_old

INT64 = range(-(2**63), 2**63)

_read_events: TypeAdapter[tuple[Event, ...]] = TypeAdapter(tuple[Event, ...])


def rows_of(events: Sequence[Event], segment: int) -> pa.Table:
    """Return the rows of one segment; raises ValueError or TypeError if an event cannot be stored exactly."""
    typed = _typed_columns(events, [segment] * len(events), range(len(events)))
    bodies = pa.array([_body(event) for event in events], pa.string())
    return pa.Table.from_arrays([*typed, bodies], schema=SCHEMA)


def typed_rows(events: Sequence[Event], segments: Sequence[int], positions: Sequence[int]) -> pa.Table:
    """Return the typed columns of the events' rows; all their values are in the bodies as well."""
    return pa.Table.from_arrays(_typed_columns(events, segments, positions), schema=TYPED)


def _typed_columns(events: Sequence[Event], segments: Sequence[int], positions: Sequence[int]) -> list[pa.Array]:
    fields = [vars(event) for event in events]
    return [
        pa.array(segments, pa.int64()),
        pa.array(positions, pa.int32()),
        pa.array([event.id for event in events], pa.string()),
        *(pa.array([of.get(name) for of in fields], kind) for name, kind in FIELDS.items()),
        _parameters([_point_of(of) for of in fields]),
        _metrics([of.get("metrics") for of in fields]),
    ]


def events_of(bodies: Sequence[str]) -> tuple[Event, ...]:
    """Return the events with these bodies, of version 2 or later; raises ValueError if a body is not an event."""
    text = _array(bodies)
    return _read_events.validate_json(_array([current(body) for body in bodies]) if may_be_old(text) else text)


def _array(bodies: Iterable[str]) -> str:
    return "[" + ",".join(bodies) + "]"


def _body(event: Event) -> str:
    fields = event.model_dump()
    for name in ("time", "deadline"):
        if fields.get(name) is not None:
            fields[name] = _instant(name, fields[name])
    # Half a character, such as in the output of a broken program, cannot be stored as UTF-8.
    text = json.dumps(fields, default=_seconds, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def _point_of(fields: Mapping[str, Any]) -> Point | None:
    """Return the point of an event, or the one that it recommends."""
    recommended: Recommendation | None = fields.get("recommendation")
    return fields.get("point") if recommended is None else recommended.point


def _instant(name: str, moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError(f"`{name}`: expected a time with its zone, got {moment.isoformat()}")
    return moment.astimezone(UTC).isoformat()


def _parameters(points: Sequence[Point | None]) -> pa.ListArray:
    """Return each point as a list of names with their values; an integer beyond 64 bits is in no column."""
    values = [value for point in points for value in (point or {}).values()]
    return lists(
        points,
        PARAMETER,
        [name for point in points for name in point or ()],
        [value if isinstance(value, float) else None for value in values],
        [value if type(value) is int and value in INT64 else None for value in values],
        [value if isinstance(value, str) else None for value in values],
        [value if isinstance(value, bool) else None for value in values],
    )


def _metrics(results: Sequence[Mapping[str, Measurement] | None]) -> pa.ListArray:
    measurements = [found for result in results for found in (result or {}).values()]
    return lists(
        results,
        METRIC,
        [name for result in results for name in result or ()],
        [found.mean for found in measurements],
        [found.sem for found in measurements],
        [found.n for found in measurements],
    )


def _seconds(value: Any) -> float:
    """Return a duration in seconds, as it is written in a campaign's file."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"expected a value that JSON can represent, got {value!r}")
