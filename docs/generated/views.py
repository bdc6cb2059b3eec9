"""The reference of the SQL views, from the views of a small ledger."""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from generated.glossary import COLUMNS, meanings
from generated.tables import table
from overnight.campaign import Campaign
from overnight.campaign.history.events import CampaignDefined, TrialProposed
from overnight.storage import open_ledger
from overnight.storage.sql import VIEWS, query

_HEAD = """# SQL views

`overnight query` asks these views. This campaign minimizes `burnt` under a constraint, maximizes `taste` and tunes
`heat`: `trials` has a column for each metric, another one for its standard error, and one for each parameter. Only a
campaign with `constraints` has the columns `feasible` and `unmet`, and only one with `objectives` has `on_front`.
[Query a campaign](../how-to/query.md) has examples.

"""
_OF_THE_SAMPLE = {
    "burnt": "the metric's mean",
    "burnt_sem": "its standard error",
    "taste": "the other metric's mean",
    "taste_sem": "its standard error",
    "heat": "the parameter's value",
}
_ROWS = {
    "trials": "A row for each trial.",
    "attempts": "A row for each attempt.",
    "metrics": "A row for each metric of an observed trial.",
    "events": "A row for each event, in the order of the ledger.",
    "proposals": "A row for each proposal, with everything that it knew.",
    "predictions": "A row for each metric that a proposal predicted.",
    "recommendations": "A row for each recorded recommendation, the newest one last.",
    "fronts": "A row for each metric of each point of a recommended front, in the front's order.",
    "solutions": "A row for each metric of each of several different solutions, the recommended one first.",
    "arms": "A row for each metric of each arm of an A/B test, compared with the status quo of its own batch. Arms "
    "without a result have their last look.",
    "revisions": "A row for each revision, by people or by a run with a changed file.",
    "outside": "A row for each trial outside of the present space.",
}


def columns() -> dict[str, list[tuple[str, str]]]:
    """Return the columns of each view of a small ledger, as (name, type)."""
    definition = Campaign.model_validate(
        {
            "name": "bread",
            "parameters": {"heat": {"kind": "float", "low": 0, "high": 1}},
            "objectives": [{"minimize": "burnt"}, {"maximize": "taste"}],
            "constraints": ["burnt <= 0.5"],
            "budget": {"trials": 1},
        }
    )
    time = datetime(2026, 1, 1, tzinfo=UTC)
    events = [
        CampaignDefined(time=time, actor="docs", uid="docs", definition=definition),
        TrialProposed(time=time, actor="docs", trial=1, point={"heat": 0.5}, generator="manual"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(folder, "bread", Path())
        asyncio.run(ledger.append(events, after=0))
        return {view: [row[:2] for row in query(ledger, f"describe {view}").rows] for view in VIEWS}


def page() -> str:
    """Return the page."""
    meaning = meanings(COLUMNS) | _OF_THE_SAMPLE
    parts = []
    for view, found in columns().items():
        rows = [(f"`{name}`", f"`{kind}`", meaning.get(name, "")) for name, kind in found]
        parts.append(f"## `{view}`\n\n{_ROWS[view]}\n\n{table(('column', 'type', 'meaning'), rows)}")
    return _HEAD + "\n".join(parts)
