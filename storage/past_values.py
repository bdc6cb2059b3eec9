"""The view `placed`: the events, in which trials have the values of parameters that a revision added after them."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from overnight.campaign import Campaign
from overnight.campaign.history.events import TrialProposed
from overnight.campaign.history.past_values import PastValues
from overnight.storage.segments.event_rows import events_of, rows_of

_LACKING = """
    select segment, position, body from events
    where kind = 'trial_proposed' and not list_has_all(list_transform(parameters, lambda entry: entry.name), $1)
"""
_PLACED = """
    create view placed as
    (from events where (segment, position) not in (select (segment, position) from filled))
    union all by name (from filled)
"""


def place_trials(connection: duckdb.DuckDBPyConnection, definitions: Sequence[Campaign]) -> None:
    """Create the view, given all definitions that have held, the latest one last."""
    past = PastValues.of(definitions[-1] if definitions else None, definitions[:-1])
    rows = connection.execute(_LACKING, [sorted(past.added)]).fetchall() if past.added else []
    events = events_of([body for *_, body in rows])
    filled = [
        (segment, position, event.model_copy(update={"point": point}))
        for (segment, position, _), event in zip(rows, events, strict=True)
        if isinstance(event, TrialProposed) and (point := past.point_now(event.point)) is not None
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
