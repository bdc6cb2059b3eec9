"""The judged columns of the view `trials` in a campaign with contexts: each trial by the goal of its own context."""

import json
from collections.abc import Sequence

import duckdb

from overnight.campaign import Campaign, Goal
from overnight.campaign.columns import judged_columns
from overnight.storage.feasibility import goal_beside_baseline, judged_columns_of

# A trial without a row is for no context that the campaign has now.
_TABLE = "create table context_of (trial bigint primary key, place integer)"
JOINED = "left join context_of c using (trial)"


def make_context_of(connection: duckdb.DuckDBPyConnection, campaign: Campaign) -> list[Goal]:
    """Create the table `context_of` of trials and the places of their contexts; return the goal of each context."""
    places = {tuple(given.items()): i for i, given in enumerate(campaign.contexts)}
    connection.execute(_TABLE)
    for trial, point in connection.execute("select trial, body->>'$.point' from asked").fetchall():
        given = campaign.context_of(json.loads(point))
        if given is not None:
            connection.execute("insert into context_of values ($1, $2)", [trial, places[tuple(given.items())]])
    return [goal_beside_baseline(connection, campaign.within(given)) for given in campaign.contexts]


def judged_by_context(goal: Goal, goals: Sequence[Goal]) -> list[str]:
    """Return the judged columns of the outcomes `o` joined with `context_of` as `c`; `goal` judges other trials."""
    every = [judged_columns_of(each) for each in (*goals, goal)]
    found = list[str]()
    for column, cells in zip(judged_columns(goal), zip(*every, strict=True), strict=True):
        *of_contexts, other = (cell.removesuffix(f" as {column}") for cell in cells)
        whens = " ".join(f"when {place} then {cell}" for place, cell in enumerate(of_contexts))
        found.append(f"case c.place {whens} else {other} end as {column}")
    return found
