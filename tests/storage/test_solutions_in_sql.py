"""The view of the different solutions of recorded recommendations, in SQL."""

import asyncio
import json
from pathlib import Path
from typing import Any

from recommendations import recommendation
from told_stories import POINT, Story, at

from overnight.campaign.history.events import RecommendationMade
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import FoundSolutions, Solution
from overnight.storage import open_ledger
from overnight.storage.sql import query

DEEP = POINT | {"depth": 9}


def asked(folder: Path, story: Story, sql: str) -> list[tuple[Any, ...]]:
    ledger = open_ledger(str(folder), "rates", folder)
    asyncio.run(ledger.append(story.events, after=0))
    return query(ledger, sql).rows


def recorded(found: tuple[Solution, ...] | None) -> Story:
    story = Story().tried(1, 1, 1.0)
    several = None
    if found is not None:
        several = FoundSolutions(asked=3, apart=0.5, within=0.4, within_inferred=False, found=found)
    made = recommendation(trial=1, point=POINT, mean=1.0, sd=0.1, probability_best=0.9, solutions=several)
    about: dict[str, Any] = {"time": at(3), "actor": "c", "events_seen": len(story.events)}
    story.events.append(RecommendationMade(**about, recommendation=made))
    return story


def test_a_solution_has_a_row_for_each_metric_with_its_point_in_the_order_of_the_choice(tmp_path: Path):
    predicted = {"loss": Prediction(mean=1.2, sd=0.1, low=1.0, high=1.4), "heat": Prediction(mean=3.0, sd=0.5)}
    first = Solution(trial=1, point=POINT, predicted={"loss": Prediction(mean=1.0, sd=0.1)}, differs_by=0.875)
    other = Solution(trial=None, point=DEEP, predicted=predicted, differs_by=0.875, probability_feasible=0.97)
    columns = "events_seen, place, trial, differs_by, probability_feasible, metric, mean, sd, low, high, point"
    *first_row, first_point = asked(tmp_path, recorded((first, other)), f"select {columns} from solutions")[0]
    assert (first_row, json.loads(first_point)) == ([5, 1, 1, 0.875, None, "loss", 1.0, 0.1, None, None], POINT)
    rows = query(open_ledger(str(tmp_path), "rates", tmp_path), f"select {columns} from solutions where place = 2").rows
    assert [row[:-1] for row in rows] == [
        (5, 2, None, 0.875, 0.97, "loss", 1.2, 0.1, 1.0, 1.4),
        (5, 2, None, 0.875, 0.97, "heat", 3.0, 0.5, None, None),
    ]
    assert json.loads(rows[0][-1]) == DEEP


def test_without_several_solutions_the_view_is_empty(tmp_path: Path):
    assert asked(tmp_path, recorded(None), "from solutions") == []


def test_without_a_recommendation_the_view_is_empty(tmp_path: Path):
    assert asked(tmp_path, Story().tried(1, 1, 1.0), "from solutions") == []
