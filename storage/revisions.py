"""The SQL views of a campaign that people revised: its revisions, and the trials outside of its present space."""

import json
from collections.abc import Sequence

import duckdb
import pyarrow as pa

from overnight.campaign import Campaign
from overnight.campaign.definition import has_space_of

_REVISIONS = """
    create view revisions as
    select cast(body->>'$.revision' as bigint) as revision, time as made, actor, body->>'$.why' as why,
        body->'$.definition' as definition
    from events where kind = 'campaign_revised'
    qualify row_number() over (partition by body->>'$.revision' order by segment, position) = 1
    order by segment, position
"""
_OUTSIDE = "create view outside as from found_outside order by trial"
_FOUND = pa.schema([("trial", pa.int64()), ("reason", pa.string())])


def revision_views(connection: duckdb.DuckDBPyConnection, definitions: Sequence[Campaign]) -> None:
    """Create the views, given all definitions that have held, the latest one last; they need the view `asked`."""
    connection.execute(_REVISIONS)
    found = list[dict[str, object]]()
    if definitions and not all(has_space_of(each, definitions[-1]) for each in definitions[:-1]):
        space = definitions[-1].space
        for trial, point in connection.execute("select trial, body->>'$.point' from asked").fetchall():
            if problems := space.problems(json.loads(point)):
                found.append({"trial": trial, "reason": "; ".join(map(str, problems))})
    connection.register("found_outside", pa.Table.from_pylist(found, _FOUND))
    connection.execute(_OUTSIDE)
