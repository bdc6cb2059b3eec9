"""Campaigns with contexts in SQL: limits and fronts of each context, and a row for each recommendation."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from recommendations import recommendation
from told_stories import Story, at, campaign_of

from overnight.campaign.history.events import RecommendationMade
from overnight.campaign.recommendation import OfContext
from overnight.report.tables import trial_rows
from overnight.storage import open_ledger
from overnight.storage.copies.trial_table import trial_table
from overnight.storage.sql import Answer, query

BASELINE = {"rate": 0.1, "depth": 3, "mode": "slow", "cache": False}
AIMS: list[dict[str, Any]] = [
    {"minimize": "loss", "constraints": ["heat <= 2 * baseline", "loss <= 900"]},
    {"objectives": [{"minimize": "loss"}, {"minimize": "heat"}], "constraints": ["heat <= 2 * baseline"]},
]


def story(aim: dict[str, Any]) -> Story:
    """Return a campaign in which one context is a hundred times as hot as the other one."""
    told = Story(campaign_of(context={"site": ["a", "b"]}, baseline=BASELINE, **aim))
    number = 0
    for loss, heat in ((2.0, 1.0), (1.0, 2.0), (3.0, 0.5), (4.0, 3.0), (2.5, 1.5)):
        for site, factor in (("a", 1.0), ("b", 100.0)):
            number += 1
            point = BASELINE | {"site": site, "depth": 3 if number <= 2 else 1 + number % 9}
            told.proposed(number, number, point).started(number, number)
            told.observed(number, number + 0.5, factor * loss, heat=factor * heat)
    return told


def asked(folder: Path, told: Story, select: str) -> Answer:
    ledger = open_ledger(str(folder), "rates", folder)
    asyncio.run(ledger.append(told.events, after=0))
    return query(ledger, select)


@pytest.mark.parametrize("aim", AIMS)
def test_trials_are_judged_in_sql_as_in_tables(tmp_path: Path, aim):
    told = story(aim)
    names = [name for name in ("feasible", "unmet", "on_front") if name in trial_rows(told.history)[0]]
    answer = asked(tmp_path, told, f"select trial, {', '.join(names)} from trials order by trial")
    expected = [tuple(row[name] for name in ("trial", *names)) for row in trial_rows(told.history)]
    assert answer.rows == expected
    table = trial_table(told.history).to_pylist()
    assert [tuple(row[name] for name in ("trial", *names)) for row in table] == expected
    assert [row["feasible"] for row in trial_rows(told.history)].count(True) == 8


def test_each_context_has_a_row_of_its_recommendation(tmp_path: Path):
    told = story(AIMS[0])
    parts = [
        recommendation(trial=n, point=BASELINE | {"site": site, "depth": n}, mean=mean, sd=0.1, probability_best=0.5)
        for n, site, mean in ((3, "a", 1.0), (4, "b", 100.0))
    ]
    contexts = tuple(OfContext(given={"site": str(each.point["site"])}, recommendation=each) for each in parts)
    whole = parts[0].model_copy(update={"contexts": contexts})
    told.events.append(RecommendationMade(time=at(99), actor="c", events_seen=len(told.events), recommendation=whole))
    answer = asked(tmp_path, told, "select site, depth, cache, trial, mean from recommendations order by site")
    assert answer.rows == [("a", 3, False, 3, 1.0), ("b", 4, False, 4, 100.0)]
