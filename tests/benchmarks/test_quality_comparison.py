"""Comparisons have the known answers, and stored results are read back unchanged."""

import numpy as np
import pytest

from benchmarks.quality.comparison import Difference, cell_difference, is_worst, paired, pooled_difference
from benchmarks.quality.results import SCHEMA, Row, read_rows, store_row
from benchmarks.quality.run import Task, missing
from benchmarks.quality.tables import Standings, all_tables


def a_row(contestant: str = "overnight", cell: str = "branin-moderate", seed: int = 0, **changes: object) -> Row:
    kinds = {"string": "", "int64": 0, "double": 0.5, "bool": False}
    row = {field.name: kinds.get(str(field.type), []) for field in SCHEMA}
    return row | {"contestant": contestant, "cell": cell, "seed": seed} | changes


def test_differences_pair_the_seeds_that_both_have():
    found = paired({0: 1.0, 1: 2.0, 5: 9.0}, {1: 4.0, 0: 2.0, 7: 0.0}, scale=2.0)
    assert found.tolist() == [-0.5, -1.0]


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([-0.4, -0.5, -0.6, -0.3, -0.5, -0.4], "win"),
        ([0.4, 0.5, 0.6, 0.3, 0.5, 0.4], "loss"),
        ([-0.01, 0.02, -0.03, 0.04, 0.0, 0.01], "tie"),
        ([-0.9, 0.5, -0.8, 0.6, -0.7, -0.2], "open"),
        ([-0.9, -0.8, -0.9, -0.7], "open"),
    ],
)
def test_a_verdict_needs_a_difference_beyond_the_margin_an_interval_without_0_and_enough_seeds(differences, verdict):
    assert cell_difference(np.array(differences)).verdict == verdict


def test_the_interval_of_a_mean_agrees_with_the_normal_theory():
    differences = np.random.default_rng(1).normal(-0.3, 1.0, size=400)
    found = pooled_difference([differences])
    half = 1.645 * differences.std() / 20
    assert (found.value, found.count) == (pytest.approx(differences.mean()), 400)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.01)


def test_cells_weigh_the_same_in_the_pooled_difference_however_many_seeds_they_have():
    found = pooled_difference([np.full(20, -1.0), np.full(5, 0.0)])
    assert found == Difference(-0.5, -0.5, -0.5, 25)


def test_worst_is_above_every_peer():
    assert is_worst({0: 3.0}, [{0: 1.0}, {0: 2.0}])
    assert not is_worst({0: 1.5}, [{0: 1.0}, {0: 2.0}])
    assert not is_worst({0: 1.5}, [])
    assert not is_worst({}, [{0: 1.0}])


def test_rows_come_back_and_a_repeated_campaign_takes_the_place_of_the_earlier_one(tmp_path):
    store_row(a_row(seed=1, regret=1.0, curve_regret=[2.0, None]), tmp_path)
    store_row(a_row(seed=0, regret=None), tmp_path)
    store_row(a_row(seed=1, regret=3.0), tmp_path)
    assert [(row["seed"], row["regret"]) for row in read_rows("overnight", tmp_path)] == [(0, None), (1, 3.0)]
    assert read_rows("sobol", tmp_path) == []


def test_what_is_stored_is_not_run_again_unless_asked(tmp_path):
    store_row(a_row(seed=1), tmp_path)
    tasks = [Task("overnight", "branin-moderate", seed) for seed in range(3)]
    assert [task.seed for task in missing(tasks, tmp_path, again=False)] == [0, 2]
    assert missing(tasks, tmp_path, again=True) == tasks
    charged = [Task("overnight", "branin-moderate", 1, charge=True)]
    assert missing(charged, tmp_path, again=False) == charged


def test_tables_scale_by_sobol_and_leave_charged_campaigns_out():
    rows = [a_row("sobol", seed=seed, regret=4.0) for seed in range(5)]
    rows += [a_row(seed=seed, regret=1.0) for seed in range(5)]
    rows += [a_row("botorch", seed=seed, regret=3.0) for seed in range(5)]
    rows += [a_row(seed=0, regret=99.0, charged=True)]
    assert Standings(rows, "regret").differences("branin-moderate", "botorch").tolist() == [-0.5] * 5
    text = all_tables(rows)
    assert "| branin-moderate | 1 (1–1), 5 | 4 (4–4), 5 | 3 (3–3), 5 |" in text
    assert "| botorch | 1 | 1 | 0 | 0 | 0 | -0.50 [-0.50, -0.50] |" in text
    assert "than every peer: none." in text
