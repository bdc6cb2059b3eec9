"""What it is worth to reckon with costs: regret after the same total cost, and the cost of a regret, paired by seed."""

import math
import statistics

from benchmarks.quality.cells import CELLS, COSTLY
from benchmarks.quality.comparison import cell_difference, paired
from benchmarks.quality.results import Row
from benchmarks.quality.tables import Standings, markdown, with_interval

_WITH, _WITHOUT, _SCALE = "overnight-cost-aware", "overnight", "sobol"
_HEAD = [
    "cell",
    "seeds",
    "trials without",
    "with",
    "spent without",
    "with",
    "regret without",
    "with",
    "difference in Sobol's median [90 %]",
]
_HEAD += ["verdict", "target", "cost to reach it without", "with"]


def costly_table(rows: list[Row]) -> str:
    """Return a markdown table over the cells whose evaluations cost; medians.

    The target is a regret of the best point tried that half of the campaigns reach, without and with; the cost to reach
    it is what half of them had spent at most.
    """
    regrets = Standings(rows, "judged_regret")
    names = [cell.name for cell in COSTLY if regrets.of(cell.name, _WITH) and regrets.of(cell.name, _SCALE)]
    return markdown(_HEAD, [_row(name, rows, regrets) for name in names])


def _row(cell: str, rows: list[Row], regrets: Standings) -> list[str]:
    of = [[r for r in rows if r["cell"] == cell and r["contestant"] == who] for who in (_WITHOUT, _WITH)]
    found = [regrets.of(cell, who) for who in (_WITHOUT, _WITH)]
    scale = statistics.median(regrets.of(cell, _SCALE).values())
    nearer = cell_difference(paired(found[1], found[0], scale))
    counts = [f"{statistics.median(len(row['points']) for row in each):g}" for each in of]
    spent = [f"{statistics.median(sum(row['costs']) for row in each):.0f}" for each in of]
    medians = [f"{statistics.median(each.values()):.3g}" for each in found]
    target = max(statistics.median_high(row["best_tried_regret"] for row in each) for each in of)
    reached = [f"{statistics.median_low(cost_to_reach(row, target) for row in each):.0f}" for each in of]
    differ = [with_interval(nearer), nearer.verdict]
    return [cell, str(nearer.count), *counts, *spent, *medians, *differ, f"{target:.3g}", *reached]


def cost_to_reach(row: Row, target: float) -> float:
    """Return what had been spent when a point of no more than this regret had been measured; infinite if none was."""
    problem, spent = CELLS[row["cell"]].problem, 0.0
    for _, point, cost in sorted(zip(row["ended"], row["points"], row["costs"], strict=True)):
        spent += cost
        if problem.regret(dict(zip(problem.parameters, point, strict=True))) <= target:
            return spent
    return math.inf
