"""Constraints of an A/B test, relative to the status quo of the own batch: in SQL, in snapshots and in rows."""

import asyncio
import csv
import io
import random
from pathlib import Path

import pytest
from told_experiments import STATUS_QUO, Told, experiment

from overnight.campaign import Proposal
from overnight.report.tables import to_csv, trial_rows
from overnight.storage import open_ledger
from overnight.storage.copies.trial_table import trial_table
from overnight.storage.past.table import read_csv
from overnight.storage.sql import query

LIMIT = "0.7 * baseline + 0.25 <= errors <= 1.1 * baseline"


def told(constraints: list[str], batches: list[tuple[dict[str, float] | None, list[dict[str, float]]]]) -> Told:
    """Return batches with the metrics of the status quo, which failed if there are none, and those of the arms."""
    found, draw = Told(experiment(constraints=constraints)), random.Random(1)
    for quo, arms in batches:
        points = [STATUS_QUO, *({"x0": draw.random(), "x1": 0.5} for _ in arms)]
        whos = ["baseline", *["sobol"] * len(arms)]
        shares = [1 / len(points)] * len(points)
        proposals = [
            Proposal.model_validate({"point": point, "generator": who, "weight": share})
            for point, who, share in zip(points, whos, shares, strict=True)
        ]
        for trial, metrics in zip(found.start(proposals), [quo, *arms], strict=True):
            if metrics is None:
                found.fail(trial)
            else:
                found.observe(trial, 1.0, **metrics)
    return found


def judged(folder: Path, story: Told) -> list[tuple[int, bool | None, str | None]]:
    """Return how SQL judges each trial, after a comparison with the snapshot's table and the rows of JSON."""
    ledger = open_ledger(str(folder), "told", folder)
    asyncio.run(ledger.append(story.events, after=0))
    answer = query(ledger, "from trials")
    table, rows = trial_table(story.history), trial_rows(story.history)
    assert answer.columns == tuple(table.column_names)
    found = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    shown = [name for name in answer.columns if name not in ("proposed", "ended")]
    snapshot = table.select(shown).to_pylist()
    assert [{name: row[name] for name in shown} for row in found] == snapshot == rows
    return [(row["trial"], row["feasible"], row["unmet"]) for row in found]


def test_each_arm_is_judged_beside_the_status_quo_of_its_own_batch_like_brute_force(tmp_path: Path):
    draw, batches, expected = random.Random(3), [], []
    for batch in range(12):
        base = draw.uniform(0.5, 9.0)
        # Some lie at their limits to the last bit.
        values = [1.1 * base, 0.25 + 0.7 * base, *(base * draw.uniform(0.5, 1.5) for _ in range(3))]
        batches.append(({"errors": base}, [{"errors": value} for value in values]))
        for trial, value in enumerate([base, *values], start=6 * batch + 1):
            feasible = 0.25 + 0.7 * base <= value <= 1.1 * base
            expected.append((trial, feasible, None if feasible else LIMIT))
    assert judged(tmp_path, told([LIMIT], batches)) == expected
    assert {feasible for _, feasible, _ in expected} == {True, False}


def test_without_a_result_of_the_own_status_quo_an_arm_is_not_judged_unless_another_limit_decides(tmp_path: Path):
    story = told(
        ["errors <= 1.1 * baseline", "cost <= 5"],
        [
            ({"errors": 1.0, "cost": 1.0}, [{"errors": 1.0, "cost": 5.0}]),
            (None, [{"errors": 1.0, "cost": 5.0}, {"errors": 1.0, "cost": 6.0}]),
            ({"cost": 1.0}, [{"cost": 1.0}]),
        ],
    )
    assert judged(tmp_path, story) == [
        (1, True, None),
        (2, True, None),
        (3, None, None),
        (4, None, None),
        (5, False, "cost <= 5"),
        (6, None, None),
        (7, None, None),
    ]


def test_an_arm_without_the_metric_of_a_relative_limit_does_not_meet_it(tmp_path: Path):
    story = told(["errors <= 1.1 * baseline"], [({"errors": 1.0}, [{"cost": 1.0}])])
    assert judged(tmp_path, story) == [(1, True, None), (2, False, "errors <= 1.1 * baseline (missing)")]


def test_exported_arms_have_their_batch_and_share_and_are_read_again(tmp_path: Path):
    story = told(["errors <= baseline"], [({"errors": 2.0}, [{"errors": 1.0}])] * 2)
    text = to_csv(trial_rows(story.history))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["batch"], row["weight"]) for row in rows] == [("1", "0.5"), ("1", "0.5"), ("3", "0.5"), ("3", "0.5")]
    file = tmp_path / "arms.csv"
    file.write_text(text)
    other = experiment(kind="tuning", arms=None, traffic=None, metrics=["errors"])
    assert [float(row.means["errors"]) for row in read_csv(file, other).rows] == [2.0, 1.0, 2.0, 1.0]


@pytest.mark.parametrize("name", ["batch", "Weight"])
def test_a_metric_with_the_name_of_a_column_of_arms_gets_another_column(tmp_path: Path, name: str):
    story = told([], [({name: 2.0}, [{name: 3.0}])])
    judged_rows = trial_rows(story.history)
    assert [row[f"metric_{name}"] for row in judged_rows] == [2.0, 3.0]
    assert [row["batch"] for row in judged_rows] == [1, 1]
