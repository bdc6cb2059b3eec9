"""Measure the benefit of learning which points fail: failed trials and regret, without and with, paired by seed."""

import statistics

import numpy as np

from benchmarks.quality.cells import FAILING
from benchmarks.quality.comparison import Difference, Regrets, cell_difference, mean_difference, paired
from benchmarks.quality.results import Row
from benchmarks.quality.tables import Standings, markdown

_WITH, _WITHOUT, _SCALE = "overnight", "overnight-infeasible-ignored", "sobol"
_HEAD = ["cell", "seeds", "failed trials without", "with", "difference [90 %]", "regret without", "with"]
_HEAD += ["difference in Sobol's median [90 %]", "verdict", "best tried without", "with"]


def failing_table(rows: list[Row]) -> str:
    """Return a markdown table over the cells in which points fail through their own fault.

    Figures are medians, except that failures are means.
    """
    regrets, failures, tried = (Standings(rows, name) for name in ("judged_regret", "failures", "best_tried_regret"))
    names = [cell.name for cell in FAILING if regrets.of(cell.name, _WITH) and regrets.of(cell.name, _SCALE)]
    return markdown(_HEAD, [_row(name, regrets, failures, tried) for name in names])


def _row(cell: str, regrets: Standings, failures: Standings, tried: Standings) -> list[str]:
    failed, found, best = (_of_both(each, cell) for each in (failures, regrets, tried))
    fewer = mean_difference(paired(failed[1], failed[0], 1.0))
    scale = statistics.median(regrets.of(cell, _SCALE).values())
    nearer = cell_difference(paired(found[1], found[0], scale))
    counts = [f"{np.mean(list(each.values())):.1f}" for each in failed]
    medians = [f"{statistics.median(each.values()):.3g}" for each in found]
    bests = [f"{statistics.median(each.values()):.3g}" for each in best]
    return [cell, str(fewer.count), *counts, _with(fewer, 1), *medians, _with(nearer, 2), nearer.verdict, *bests]


def _of_both(standings: Standings, cell: str) -> list[Regrets]:
    """Return the measurements without and with, for the seeds that both have run."""
    both = [standings.of(cell, who) for who in (_WITHOUT, _WITH)]
    return [{seed: each[seed] for seed in sorted(both[0].keys() & both[1].keys())} for each in both]


def _with(found: Difference, digits: int) -> str:
    return f"{found.value:+.{digits}f} [{found.low:+.{digits}f}, {found.high:+.{digits}f}]"
