"""Trials from before a parameter was added have its value of then in SQL, in exports and in tables."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from overnight.campaign import Campaign, History
from overnight.campaign.history.events import CampaignDefined, CampaignRevised, Event, TrialProposed
from overnight.report.tables import trial_rows
from overnight.storage import open_ledger
from overnight.storage.copies.trial_table import trial_table
from overnight.storage.sql import query

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST: dict[str, Any] = {"solver": {"kind": "categorical", "choices": ["sgd", "adam"]}}
BETA: dict[str, Any] = {"kind": "float", "low": 0, "high": 1, "when": {"solver": "adam"}, "was": 0.9}
LATER: dict[str, Any] = {
    **FIRST,
    "beta": BETA,
    "cache": {"kind": "int", "low": 1, "high": 9, "was": 0},
    "tool": {"kind": "categorical", "choices": ["old", "new"], "was": "none at all"},
    "double": {"kind": "derived", "value": "2 * cache"},
}


def campaign(parameters: dict[str, Any]) -> Campaign:
    return Campaign.model_validate(
        {"name": "added", "parameters": parameters, "minimize": "loss", "budget": {"trials": 9}}
    )


def proposed(trial: int, **point: Any) -> TrialProposed:
    return TrialProposed(time=NOON, actor="t", trial=trial, point=point, generator="manual")


EVENTS: list[Event] = [
    CampaignDefined(time=NOON, actor="t", uid="u", definition=campaign(FIRST)),
    proposed(1, solver="sgd"),
    proposed(2, solver="adam"),
    CampaignRevised(time=NOON, actor="ada", revision=1, definition=campaign(LATER)),
    proposed(3, solver="adam", beta=0.5, cache=4, tool="new", double=8.0),
    proposed(4, solver="sgd", cache=4, tool="old", double=8.0),
]
COLUMNS = ["trial", "solver", "beta", "cache", "tool", "double"]
ROWS = [
    (1, "sgd", None, 0, "none at all", 0.0),
    (2, "adam", 0.9, 0, "none at all", 0.0),
    (3, "adam", 0.5, 4, "new", 8.0),
    (4, "sgd", None, 4, "old", 8.0),
]


@pytest.mark.parametrize("view", ["trials", "proposals"])
def test_sql_shows_the_value_that_a_parameter_had_before_it_was_added(tmp_path: Path, view: str):
    ledger = open_ledger(str(tmp_path), "added", tmp_path)
    asyncio.run(ledger.append(EVENTS[:3], after=0))
    asyncio.run(ledger.append(EVENTS[3:], after=1))
    assert query(ledger, f"select {', '.join(COLUMNS)} from {view} order by trial").rows == ROWS
    raw = "select body->>'$.point' from events where kind = 'trial_proposed' and trial = 1"
    assert query(ledger, raw).rows == [('{"solver":"sgd"}',)]


def test_revisions_and_the_trials_outside_are_views(tmp_path: Path):
    ledger = open_ledger(str(tmp_path), "added", tmp_path)
    asyncio.run(ledger.append(EVENTS, after=0))
    [(revision, actor, why, parameter)] = query(
        ledger, "select revision, actor, why, definition->>'$.parameters.cache.was' from revisions"
    ).rows
    assert (revision, actor, why, parameter) == (1, "ada", None, "0")
    found = query(ledger, "select * from outside").rows
    assert [trial for trial, _ in found] == [1, 2]
    assert found[0][1] == (
        "cache: expected a whole number between 1 and 9, got 0; tool: expected one of 'old', 'new', got 'none at all'"
    )
    asyncio.run(open_ledger(str(tmp_path), "first", tmp_path).append(EVENTS[:3], after=0))
    for view in ("revisions", "outside"):
        assert query(open_ledger(str(tmp_path), "first", tmp_path), f"from {view}").rows == []


def test_the_exported_table_and_the_command_line_show_the_same_values():
    history = History.from_events(EVENTS)
    table = trial_table(history).select(COLUMNS).to_pylist()
    assert [tuple(row.values()) for row in table] == ROWS
    shown = [tuple(row.get(name) for name in COLUMNS) for row in trial_rows(history)]
    assert shown == ROWS
