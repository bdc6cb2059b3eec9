"""The SQL view of the arms of an A/B test states the same differences as the effects of the history."""

import asyncio
import random
from pathlib import Path

import pytest
from told_arms import ToldArms, effects, measured

from overnight.storage import open_ledger
from overnight.storage.sql import query

SELECT = "select trial, metric, look, difference, difference_sem, relative from arms where not status_quo"


def asked(folder: Path, story: ToldArms, select: str) -> list[tuple[object, ...]]:
    ledger = open_ledger(str(folder), "search", folder)
    asyncio.run(ledger.append(story.events, after=0))
    return query(ledger, select).rows


def drifting(seed: int) -> ToldArms:
    """Tell batches of which some arms have results, some were only looked at, and one harms and is stopped."""
    draw, story = random.Random(seed), ToldArms(constraints=["hides <= 1.5 * baseline"])
    for _ in range(3):
        shift, trials = draw.gauss(0, 5), story.batch((0, 0.5), (3, 0.2), (4, 0.2), (5, 0.1))

        def found(trial: int, shift: float = shift) -> dict[str, object]:
            worse = 40.0 if trial % 4 == 0 else 0.0
            clicks = measured(20 + shift - worse + draw.gauss(0, 1), draw.uniform(0.5, 2), draw.randrange(100, 400))
            return {"clicks": clicks, "hides": measured(draw.uniform(1, 1.1), 0.01)}

        for step in (1, 2):
            running = [trial for trial in trials if story.history.trials[trial].outcome is None]
            story.look(step, {trial: found(trial) for trial in running})
        ended = [trial for trial in trials if story.history.trials[trial].outcome is None][: draw.choice([1, 2, 3])]
        story.observe({trial: found(trial) for trial in ended})
    return story


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_differences_of_arms_are_those_of_the_history(tmp_path, seed):
    story = drifting(seed)
    expected = {(each.trial, each.metric): each for each in effects(story.history)}
    assert {type(trial.outcome).__name__ for trial in story.history.trials.values()} >= {"Stopped", "Observation"}
    rows = asked(tmp_path, story, SELECT)
    assert len(rows) == len(expected)
    compared = 0
    for trial, metric, look, difference, sem, relative in rows:
        effect = expected[trial, metric]
        if story.history.trials[trial].measured and effect.step is not None:
            # The arm has a result, and its status quo has none.
            assert difference is None
            continue
        compared += 1
        assert look == effect.step
        assert difference == pytest.approx(effect.value, abs=1e-12)
        assert sem == pytest.approx(effect.sem, rel=1e-12)
        assert relative == pytest.approx(effect.relative, abs=1e-12)
    assert compared > len(rows) / 2


def test_only_a_positive_status_quo_has_relative_differences(tmp_path):
    story = ToldArms()
    for quo, arm in ((10.0, 8.0), (-10.0, -8.0), (0.0, 2.0), (1e-320, 2.0)):
        trials = story.batch((0, 0.5), (3, 0.5))
        story.observe({trial: {"clicks": measured(mean)} for trial, mean in zip(trials, (quo, arm), strict=True)})
    rows = asked(tmp_path, story, "select difference, relative from arms where not status_quo order by trial")
    assert rows == [(each.value, each.relative) for each in effects(story.history)]
    assert [relative for _, relative in rows] == [pytest.approx(-0.2), None, None, None]


def test_the_status_quo_has_no_difference_to_itself(tmp_path):
    story = ToldArms()
    trials = story.batch((0, 0.5), (3, 0.5))
    story.observe({trial: {"clicks": measured(1.0)} for trial in trials})
    rows = asked(tmp_path, story, "select trial, status_quo, difference from arms order by trial")
    assert rows == [(1, True, None), (2, False, 0.0)]


def test_other_campaigns_have_no_arms(tmp_path):
    story = ToldArms(kind="tuning", arms=None, traffic=None)
    assert asked(tmp_path, story, "from arms") == []
