"""Compare contestants in cells with several metrics: under limits, and with several objectives, paired by seed.

Under limits, an infeasible recommendation has the regret of the problem's penalty, which depends on no contestant and
no seed. No feasible recommendation has a larger one, so that an infeasible one is never an advantage. With several
objectives, the regret is the share of the best hypervolume that the recommended points lack by their true values; those
that are truly infeasible add nothing. A recommended point that adds nothing costs nothing either, so the table has the
number of recommended points.

The cells of spaces with constraints between parameters have the same table. A point that is not allowed has no result,
so that no recommendation is infeasible there.

Differences are means over the seeds, not medians as in `comparison.py`: under noise, the best measured point near a
limit is infeasible in a part of the campaigns, which a median would hide. Scale, margin and interval are those of
`comparison.py`. If Sobol's recommendation is infeasible in most campaigns, the scale is the regret of the penalty.
"""

import statistics
from collections.abc import Sequence

from benchmarks.quality.cells import CELLS, Cell
from benchmarks.quality.comparison import mean_difference
from benchmarks.quality.results import Row
from benchmarks.quality.tables import Standings, markdown, summary, with_interval

_OURS = "overnight"
_HEAD = ["cell", "contestant", "seeds", "feasible recommendations", "points", "value", "regret"]
_HEAD += ["regret of the best tried", "infeasible trials"]
_HEAD += ["ours against it: mean difference in Sobol's median [90 %]", "verdict"]


def table_of_cells(cells: Sequence[Cell], rows: list[Row]) -> str:
    """Return a markdown table of every contestant in each of the cells, and one of our verdicts over all of them.

    Values and regrets are medians over the seeds; recommended points and infeasible trials are means. The value of
    points with several objectives is their hypervolume.
    """
    names = {cell.name for cell in cells}
    standings = Standings((row for row in rows if row["cell"] in names), "regret")
    by_campaigns = [
        (cell.name, who, found)
        for cell in cells
        for who in standings.contestants
        if (
            found := [
                row for row in rows if (row["cell"], row["contestant"], row["charged"]) == (cell.name, who, False)
            ]
        )
    ]
    table = markdown(_HEAD, [_line(cell, who, found, standings) for cell, who, found in by_campaigns])
    return f"{table}\n\n{summary(standings, [cell.name for cell in cells], mean_difference)}"


def _line(cell: str, who: str, rows: list[Row], standings: Standings) -> list[str]:
    feasible = sum(row["feasible"] for row in rows)
    points = statistics.mean(row["recommended"] for row in rows)
    medians = [
        f"{statistics.median(row[column] for row in rows):.4g}"
        for column in ("true_value", "regret", "best_tried_regret")
    ]
    spent = statistics.mean(infeasible_trials(row) for row in rows)
    differences = standings.differences(cell, who)
    verdict = ["–", "–"]
    if who != _OURS and len(differences):
        found = mean_difference(differences)
        verdict = [with_interval(found), found.verdict]
    return [cell, who, str(len(rows)), str(feasible), f"{points:.1f}", *medians, f"{spent:.1f}", *verdict]


def infeasible_trials(row: Row) -> int:
    """Return how many trials of a campaign had truly infeasible points.

    Under constraints between parameters, these are the failures: such a point cannot be evaluated.
    """
    problem = CELLS[row["cell"]].problem
    if problem.parameter_constraints:
        return row["failures"]
    return sum(not problem.feasible(dict(zip(problem.parameters, point, strict=True))) for point in row["points"])
