"""The tables of the speed benchmark: medians, ratios within rounds, geometric means, worst shortfalls."""

from dataclasses import replace

import pytest

from benchmarks.speed.__main__ import played
from benchmarks.speed.contestants import BOTORCH, MAP_COLD, MAP_WARM
from benchmarks.speed.demands import demands
from benchmarks.speed.problem import Cell
from benchmarks.speed.results import Row, latest_rounds, read, write
from benchmarks.speed.summary import Summary, Worst, geometric_mean
from benchmarks.speed.table import tables

SMALL, LARGE = Cell(25, 6, 0, 1), Cell(1000, 20, 8, 1)


def row(contestant, seconds, seed=0, cell=SMALL, round_name="first", date="2026-01-01", **more):
    blank = Row(
        suite="grid",
        round=round_name,
        n=cell.n,
        d=cell.d,
        pending=cell.pending,
        q=cell.q,
        seed=seed,
        contestant=contestant,
        seconds=seconds,
        error="" if seconds is not None else "it broke",
        objective=None,
        fit_shortfall=None,
        acquisition=None,
        acquisition_shortfall=None,
        peak_rss=2**20,
        others=0.1,
        given=2,
        threads=1,
        points="[]",
        fit="null",
        versions="{}",
        machine="a machine",
        command="a command",
        commit="abc",
        date=date,
    )
    return replace(blank, **more)


def both(ours, theirs, seed=0, cell=SMALL):
    return [row(MAP_COLD, ours, seed, cell), row(BOTORCH, theirs, seed, cell)]


def test_a_ratio_is_that_of_the_medians_over_the_seeds():
    summary = Summary([*both(1.0, 10.0, seed=0), *both(2.0, 30.0, seed=1), *both(9.0, 40.0, seed=2)])
    assert summary.ratio(SMALL, MAP_COLD, BOTORCH) == 15.0


def test_a_seed_in_which_one_of_both_failed_does_not_count():
    summary = Summary([*both(1.0, 10.0, seed=0), *both(0.001, None, seed=1)])
    assert summary.ratio(SMALL, MAP_COLD, BOTORCH) == 10.0
    assert summary.median(SMALL, MAP_COLD) == pytest.approx(0.5005)


def test_rows_of_different_rounds_are_never_compared():
    old, new = row(BOTORCH, 10.0), row(MAP_COLD, 1.0, round_name="second", date="2026-01-02")
    assert latest_rounds([old, new]) == [new]
    assert Summary([old, new]).ratio(SMALL, MAP_COLD, BOTORCH) is None


def test_the_geometric_mean_of_a_ratio_and_its_inverse_is_one():
    assert geometric_mean([4.0, 0.25]) == pytest.approx(1.0)
    assert geometric_mean([]) is None


def test_a_round_is_played_once_all_were_asked_and_nobody_disturbed_it():
    rows, question = both(1.0, 10.0), (SMALL, 0)
    assert played(question, [MAP_COLD, BOTORCH], rows)
    assert not played(question, [MAP_COLD, BOTORCH, MAP_WARM], rows)
    assert not played((SMALL, 1), [MAP_COLD], rows)
    assert not played(question, [MAP_COLD], [row(MAP_COLD, 1.0), row(BOTORCH, 10.0, others=0.9)])


def test_the_worst_shortfall_is_given_for_asks_and_for_the_medians_of_cells():
    rows = [row(MAP_COLD, 1.0, seed, fit_shortfall=s) for seed, s in enumerate((0.0, 0.1, 0.5))]
    rows.append(row(MAP_COLD, 1.0, cell=LARGE, fit_shortfall=0.2))
    assert Summary(rows).worst(MAP_COLD, "fit_shortfall") == Worst(ask=0.5, cell=0.2)


def test_a_demand_is_held_or_missed_or_not_yet_measured():
    rows = [*both(1.0, 50.0), *both(1.0, 60.0, cell=LARGE), row(MAP_WARM, 1.5, cell=LARGE)]
    by_what = {demand.what: demand for demand in demands(rows)}
    assert by_what[f"{MAP_COLD} against botorch, geometric mean over the grid"].held is True
    assert by_what[f"{MAP_WARM} against botorch, geometric mean over the grid"].held is False
    assert by_what[f"{MAP_COLD} against botorch-rust, geometric mean over the grid"].held is None
    share = by_what[f"{MAP_WARM} at n = 1000, d = 20, 8 pending, share of botorch's time"]
    assert (share.reached, share.held) == ("2.5 % (q = 1)", False)


def large(seconds, contestant=MAP_COLD, n=5000, **changes):
    return row(contestant, seconds, cell=Cell(n, 20, 8, 1), suite="large", **changes)


@pytest.mark.parametrize(
    ("rows", "held"),
    [
        ([large(9.0, n=1000)], None),
        ([large(9.0)], True),
        ([large(21.0)], False),
        ([large(9.0), large(9.0, MAP_WARM)], False),
        ([large(9.0), large(4.0, MAP_WARM)], True),
        ([large(9.0, date="2026-02"), large(21.0, date="2026-01")], True),
        ([large(9.0, peak_rss=5 * 2**30)], False),
        ([large(9.0, date="2026-01"), large(None, date="2026-02")], False),
    ],
)
def test_the_newest_asks_at_the_demanded_size_count(rows, held):
    assert next(demand.held for demand in demands(rows) if "5000" in demand.what) is held


def test_rows_are_read_as_they_were_written(tmp_path):
    rows = [*both(1.0, None), row(MAP_WARM, 0.5, fit_shortfall=0.01)]
    write(rows, tmp_path / "grid-1.parquet")
    assert read(tmp_path) == rows


def test_the_tables_say_what_was_measured_and_what_was_not():
    text = tables(both(0.1, 2.0))
    assert "| 25/6/0/1 | 100 | 2,000 |" in text
    assert "### On a GPU\n\nnot yet measured" in text
    assert "1 of 1 asks failed" in tables(both(0.1, None))
    assert "Not to be published" not in text
    assert "Not to be published" in tables([row(MAP_COLD, 0.1, others=1.5)])
    assert "No round has been measured" in tables([])
