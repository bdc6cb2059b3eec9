"""The view `placed`: the events, in which trials have what a revision added after them.

These are values of parameters, and calculations of metrics that constraints limit.
"""

from collections.abc import Collection, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from overnight.campaign import Campaign
from overnight.campaign.history.events import Event, TrialObserved, TrialProposed
from overnight.campaign.history.past_values import PastValues
from overnight.storage.segments.event_rows import events_of, rows_of

_LACKING = """
    select segment, position, body from events
    where kind = $1 and not list_has_all(list_transform({column}, lambda entry: entry.name), $2)
"""
_PLACED = """
    create view placed as
    (from events where (segment, position) not in (select (segment, position) from filled))
    union all by name (from filled)
"""


def place_trials(connection: duckdb.DuckDBPyConnection, definitions: Sequence[Campaign]) -> None:
    """Create the view, given all definitions that have held, the latest one last."""
    past = PastValues.of(definitions[-1] if definitions else None, definitions[:-1])
    rows = _lacking(connection, "trial_proposed", "parameters", past.added)
    rows += _lacking(connection, "trial_observed", "metrics", [each.text for each in past.calculations])
    events = events_of([body for *_, body in rows])
    filled = [
        (segment, position, now)
        for (segment, position, _), event in zip(rows, events, strict=True)
        if (now := _filled(event, past)) is not None
    ]
    if not filled:
        connection.execute("create view placed as from events")
        return
    segments, positions, events = zip(*filled, strict=True)
    table = rows_of(events, 0)
    for name, values in (("segment", segments), ("position", positions)):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))
    connection.register("filled", table)
    connection.execute(_PLACED)


def _lacking(
    connection: duckdb.DuckDBPyConnection, kind: str, column: str, names: Collection[str]
) -> list[tuple[Any, ...]]:
    """Return the places and the bodies of the events of a kind that lack one of the names in a column."""
    found = connection.execute(_LACKING.format(column=column), [kind, sorted(names)]) if names else None
    return [] if found is None else found.fetchall()


def _filled(event: Event, past: PastValues) -> Event | None:
    """Return an event with what it lacks; None if it lacks nothing."""
    if isinstance(event, TrialProposed) and (point := past.point_now(event.point)) is not None:
        return event.model_copy(update={"point": point})
    if isinstance(event, TrialObserved) and (metrics := past.measured_now(event.metrics)) is not None:
        return event.model_copy(update={"metrics": metrics})
    return None
