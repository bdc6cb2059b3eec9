"""Measure the benefit of taking costs into account: regret at equal cost, and the cost to reach a regret."""

import math
import statistics
from collections.abc import Iterator

from benchmarks.quality.cells import CELLS, COSTLY
from benchmarks.quality.comparison import cell_difference, paired
from benchmarks.quality.results import Row
from benchmarks.quality.tables import Standings, markdown, with_interval

_WITH, _WITHOUT, _SCALE = "overnight-cost-aware", "overnight", "sobol"
_HEAD = ["cell", "seeds", "trials without", "with", "regret without", "with", "difference in Sobol's median [90 %]"]
_HEAD += ["verdict", "best tried after a third without", "with", "target", "cost to reach it without", "with"]
_EARLY = 1.0 / 3.0


def costly_table(rows: list[Row]) -> str:
    """Return a markdown table over the cells with costs; figures are medians.

    The target is a regret of the best point tried that half of the campaigns reach, both without and with cost
    awareness. Half of the campaigns reach it at no more than the cost shown.
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
    medians = [f"{statistics.median(each.values()):.3g}" for each in found]
    target = max(statistics.median_high(row["best_tried_regret"] for row in each) for each in of)
    reached = [f"{statistics.median_low(cost_to_reach(row, target) for row in each):.0f}" for each in of]
    early = [f"{statistics.median(best_tried_early(row) for row in each):.3g}" for each in of]
    differ = [with_interval(nearer), nearer.verdict]
    return [cell, str(nearer.count), *counts, *medians, *differ, *early, f"{target:.3g}", *reached]


def cost_to_reach(row: Row, target: float) -> float:
    """Return the cost spent when a point with at most this regret had been measured; infinite if there was none."""
    return next((spent for spent, regret in _measured(row) if regret <= target), math.inf)


def best_tried_early(row: Row) -> float:
    """Return the least regret measured by the time a third of the budget was spent."""
    budget = CELLS[row["cell"]].cost_budget
    assert budget is not None
    return min((regret for spent, regret in _measured(row) if spent <= _EARLY * budget), default=math.inf)


def _measured(row: Row) -> Iterator[tuple[float, float]]:
    """Yield the cost spent by the end of each trial, in the order of their ends, and the regret at its point."""
    problem, spent = CELLS[row["cell"]].problem, 0.0
    for _, point, cost in sorted(zip(row["ended"], row["points"], row["costs"], strict=True)):
        spent += cost
        yield spent, problem.regret(dict(zip(problem.parameters, point, strict=True)))
