"""The columns `feasible` and `unmet` of trials in SQL, and the probability of a recommendation."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from limited_stories import believed, limited
from told_stories import Story, at

from overnight.campaign.history.events import RecommendationMade
from overnight.storage import open_ledger
from overnight.storage.sql import Answer, query


def asked(folder: Path, story: Story, select: str) -> Answer:
    ledger = open_ledger(str(folder), "rates", folder)
    asyncio.run(ledger.append(story.events, after=0))
    return query(ledger, select)


def verdicts(folder: Path, trials: list[dict[str, float]], constraints: list[str]) -> list[tuple[Any, ...]]:
    return asked(folder, limited(trials, constraints), "select feasible, unmet from trials").rows


def test_a_result_is_feasible_within_its_limits_and_those_that_it_breaks_or_lacks_are_named(tmp_path: Path):
    trials = [{"loss": 1.0, "it's": 3.0}, {"loss": 1.0, "it's": 7.0}, {"loss": 1.0, "it's": 6.0}, {"loss": 1.0}, {}]
    assert verdicts(tmp_path, trials, ["1 <= it's <= 2 * baseline", "loss <= 1"]) == [
        (True, None),
        (False, "1 <= it's <= 2 * baseline"),
        (True, None),
        (False, "1 <= it's <= 2 * baseline (missing)"),
        (None, None),
    ]


@pytest.mark.parametrize("limit", [0.1 + 0.2, 1e9, 1e-9, 5e-324, 1.7976931348623157e308, 123456789.123456789])
def test_a_value_at_its_limit_is_feasible_to_the_last_bit(tmp_path: Path, limit: float):
    trials = [{"loss": 1.0, "x": limit}]
    assert verdicts(tmp_path, trials, [f"x <= {limit!r}"]) == [(True, None)]


def test_the_baseline_of_several_measurements_counts_by_its_mean(tmp_path: Path):
    story = limited([{"loss": 1.0, "x": 2.0}, {"loss": 1.0, "x": 6.0}], ["x <= 1.5 * baseline"])
    point = story.history.trials[1].point
    story.proposed(3, 9, dict(point), "baseline").started(3, 9).observed(3, 10, 1.0, x=6.0)
    assert asked(tmp_path, story, "select feasible from trials").rows == [(True,), (True,), (True,)]


def test_a_limit_beside_an_unmeasured_baseline_leaves_the_verdict_open_unless_another_one_decides(tmp_path: Path):
    trials = [{}, {"loss": 1.0, "x": 2.0}, {"loss": 9.0, "x": 2.0}]
    found = verdicts(tmp_path, trials, ["x <= 1.5 * baseline", "loss <= 5"])
    assert found == [(None, None), (None, None), (False, "loss <= 5")]


def test_only_relative_constraints_beside_an_unmeasured_baseline_leave_every_verdict_open(tmp_path: Path):
    assert verdicts(tmp_path, [{}, {"loss": 1.0, "x": 2.0}], ["x <= 1.5 * baseline"]) == [(None, None), (None, None)]


def test_without_constraints_there_is_no_such_column(tmp_path: Path):
    columns = asked(tmp_path, limited([{"loss": 1.0}], []), "from trials").columns
    assert not {"feasible", "unmet"} & set(columns)


def test_a_recommendation_has_its_probability_of_being_feasible(tmp_path: Path):
    story = limited([{"loss": 1.0, "x": 2.0}], ["x <= 3"])
    made = believed(story, 1, {"x <= 3": 0.875})
    story.events.append(RecommendationMade(time=at(9), actor="c", events_seen=len(story.events), recommendation=made))
    assert asked(tmp_path, story, "select trial, probability_feasible from recommendations").rows == [(1, 0.875)]
