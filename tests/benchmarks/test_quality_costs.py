"""Campaigns with costs: the costs reported, the end of the budget, and the table."""

import math
from dataclasses import replace

import pytest

from benchmarks.quality.campaign_run import run_campaign
from benchmarks.quality.cells import CELLS, COSTLY
from benchmarks.quality.contestants import OwnContestant
from benchmarks.quality.cost_regions import cost_of
from benchmarks.quality.costly import best_tried_early, cost_to_reach, costly_table
from benchmarks.quality.measures import measure
from overnight.bo_core import SobolProposer
from overnight.campaign.standing.spending import spending

# One worker: with several, evaluations that are running when the first cost becomes known may overspend.
SMALL = [replace(cell, cost_budget=40.0, workers=1) for cell in COSTLY]


@pytest.mark.parametrize("cell", SMALL, ids=lambda cell: cell.name)
def test_a_campaign_ends_when_its_costs_are_spent(cell):
    run = run_campaign(cell, 1, OwnContestant(SobolProposer()))
    costs = spending(run.history.trials.values()).costs
    assert len(costs) == len(run.history.trials) < cell.trials
    assert 40.0 - 16.0 < math.fsum(costs) < 40.0 + 16.0
    assert all(1.0 <= cost <= 16.0 for cost in costs)


@pytest.mark.parametrize(("costs", "at_the_optimum"), [("cheap", 1.0), ("dear", 16.0)])
def test_the_optimum_costs_the_least_or_the_most(costs, at_the_optimum):
    problem = CELLS["branin-cheap-costs"].problem
    assert cost_of(costs, problem, problem.best, 0) == pytest.approx(at_the_optimum)


def test_what_a_target_costs_is_all_that_had_been_spent_when_it_was_reached():
    best = CELLS["branin-cheap-costs"].problem.best
    points = [[9.0, 14.0], list(best.values()), [0.0, 0.0]]
    row = {"cell": "branin-cheap-costs", "points": points, "ended": [2.0, 3.0, 1.0], "costs": [2.0, 4.0, 8.0]}
    assert cost_to_reach(row, 0.01) == 14.0
    assert cost_to_reach(row | {"points": [[9.0, 14.0]] * 3}, 0.01) == math.inf
    assert best_tried_early(row) == pytest.approx(0.0, abs=0.01)
    assert best_tried_early(row | {"costs": [2.0, 400.0, 8.0]}) > 10.0


def test_the_table_has_a_line_for_each_cell_that_all_have_run():
    cell = "branin-random-costs"
    row = measure(CELLS[cell], 0, "sobol")
    rows = [row | {"contestant": who} for who in ("sobol", "overnight", "overnight-cost-aware")]
    [line] = costly_table([*rows, row | {"cell": "branin-dear-costs"}]).splitlines()[2:]
    assert line.startswith(f"| {cell} | 1 | {len(row['points'])} | {len(row['points'])} | ")
    assert "+0.00 [+0.00, +0.00]" in line
