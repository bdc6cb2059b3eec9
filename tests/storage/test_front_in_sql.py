"""The column `on_front` of trials in SQL and in snapshots, and the view of recommended fronts."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from front_stories import front_believed, several
from told_stories import Story, at, campaign_of

from overnight.campaign.definition import lies_in
from overnight.campaign.history.events import CampaignRevised, RecommendationMade
from overnight.report.tables import trial_rows
from overnight.storage import open_ledger
from overnight.storage.copies.trial_table import trial_table
from overnight.storage.sql import Answer, query

TWO = ({"minimize": "loss"}, {"maximize": "gain"})
THREE = (*TWO, {"minimize": "it's"})
LIMITS = ([], ["loss <= 3"], ["loss <= 3", "gain >= 1"], ["p99 <= 2 * baseline"])


def told(trials: Sequence[Mapping[str, float]], **changes: Any) -> Story:
    return several(trials, **{"objectives": TWO} | changes)


def asked(folder: Path, story: Story, select: str) -> Answer:
    ledger = open_ledger(str(folder), "rates", folder)
    asyncio.run(ledger.append(story.events, after=0))
    return query(ledger, select)


def drawn(generator: random.Random, metrics: Sequence[str]) -> dict[str, float]:
    """Return few different values, so that many are equal; some trials fail, and some lack the last metric."""
    values = {
        metric: generator.choice([-0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.1 + 0.2, 0.3, 1e9, -1e-9]) for metric in metrics
    }
    if generator.random() < 0.2:
        del values["p99"]
    return {} if generator.random() < 0.1 else values


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("objectives", [TWO, THREE], ids=len)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_front_of_random_results_is_the_goals_in_sql_in_snapshots_and_for_programs(
    tmp_path: Path, seed: int, objectives: Sequence[Mapping[str, str]], limits: list[str]
):
    generator = random.Random(seed)
    metrics = ("loss", "gain", "it's", "p99")[: len(objectives)]
    story = told([drawn(generator, (*metrics, "p99")) for _ in range(60)], objectives=objectives, constraints=limits)
    history = story.history
    front = {trial.id for trial in history.goal.front(history.trials.values())}
    expected = [
        (number, number in front if trial.measured else None) for number, trial in sorted(history.trials.items())
    ]
    assert front or history.goal.unjudged
    assert asked(tmp_path, story, "select trial, on_front from trials").rows == expected
    assert [(row["trial"], row["on_front"]) for row in trial_rows(history)] == expected
    table, ledger = trial_table(history), open_ledger(str(tmp_path), "rates", tmp_path)
    assert tuple(table.column_names) == query(ledger, "from trials").columns
    assert [*zip(table["trial"].to_pylist(), table["on_front"].to_pylist(), strict=True)] == expected


def test_equal_results_are_on_the_front_together_and_infeasible_ones_hide_nothing(tmp_path: Path):
    rows = [(2.0, 5.0, 1.0), (2.0, 5.0, 1.0), (1.0, 6.0, 9.0), (2.0, 4.0, 1.0), (3.0, 6.0, 1.0)]
    story = told([{"loss": a, "gain": b, "p99": c} for a, b, c in rows] + [{}], constraints=["p99 <= 3"])
    found = asked(tmp_path, story, "select feasible, on_front from trials").rows
    assert found == [(True, True), (True, True), (False, False), (True, False), (True, True), (None, None)]


def test_while_the_baseline_is_unmeasured_no_result_is_known_to_be_on_the_front(tmp_path: Path):
    story = told([{}, {"loss": 1.0, "gain": 2.0, "p99": 1.0}], constraints=["p99 <= 2 * baseline"])
    assert asked(tmp_path, story, "select feasible, on_front from trials").rows == [(None, None), (None, False)]


@pytest.mark.parametrize("narrowed", [{"high": 0.5}, {"low": 0.5}], ids=str)
def test_a_trial_outside_of_a_revised_space_is_neither_on_the_front_nor_hides_another_one(
    tmp_path: Path, narrowed: dict[str, float]
):
    rows = [{"loss": 1.0 + i % 4, "gain": 1.0 + i % 3} for i in range(10)]
    story = told(rows, baseline=None)
    parameters = story.campaign.model_dump(mode="json")["parameters"]
    parameters["rate"] |= narrowed
    later = campaign_of(objectives=TWO, baseline=None, parameters=parameters)
    story.events.append(CampaignRevised(time=at(60), actor="ada", revision=1, definition=later))
    trials = story.history.trials.values()
    inside = [trial for trial in trials if lies_in(later, trial.point)]
    values = {trial.id: (-trial.measured["loss"].mean, trial.measured["gain"].mean) for trial in inside}
    front = {
        trial
        for trial, (a, b) in values.items()
        if not any(c >= a and d >= b and (c, d) != (a, b) for c, d in values.values())
    }
    assert 0 < len(inside) < len(rows)
    found = asked(tmp_path, story, "select trial from trials where on_front").rows
    assert {trial for (trial,) in found} == front
    assert {row["trial"] for row in trial_rows(story.history) if row["on_front"]} == front


def test_a_campaign_with_one_objective_has_no_such_column(tmp_path: Path):
    assert "on_front" not in asked(tmp_path, Story().tried(1, 1, 1.0), "from trials").columns


def recorded(story: Story, minute: float, **more: Any) -> None:
    made = front_believed(story, 1, **more)
    about: dict[str, Any] = {"time": at(minute), "actor": "c", "events_seen": len(story.events)}
    story.events.append(RecommendationMade(**about, recommendation=made))


def test_a_recommended_front_has_a_row_for_each_point_and_metric_in_its_order(tmp_path: Path):
    story = told([{"loss": 3.0, "gain": 5.0}, {"loss": 1.0, "gain": 2.0}])
    recorded(story, 9, worst={"loss": 4.0, "gain": 1.0}, preferred=False)
    columns = "trial, probability, metric, mean, sd, round(high - low, 3)"
    assert asked(tmp_path, story, f"select {columns} from fronts").rows == [
        (2, 0.9, "loss", 1.0, 0.5, 1.645),
        (2, 0.9, "gain", 2.0, 0.5, 1.645),
        (1, 0.9, "loss", 3.0, 0.5, 1.645),
        (1, 0.9, "gain", 5.0, 0.5, 1.645),
    ]


def test_a_recommendation_shows_whether_its_point_meets_the_preferences(tmp_path: Path):
    story = told([{"loss": 3.0, "gain": 5.0}, {"loss": 1.0, "gain": 2.0}], prefer=["gain >= 9"])
    recorded(story, 9, preferred=False)
    assert asked(tmp_path, story, "select trial, metric, mean, preferred from recommendations").rows == [
        (1, "loss", 3.0, False)
    ]


def test_without_a_recommended_front_the_view_is_empty(tmp_path: Path):
    assert asked(tmp_path, Story().tried(1, 1, 1.0), "from fronts").rows == []
