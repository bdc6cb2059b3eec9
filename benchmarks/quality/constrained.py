"""Compare contestants under limits: regret, feasible recommendations and infeasible trials, paired by seed.

An infeasible recommendation has the regret of the problem's penalty, which depends on no contestant and no seed. No
feasible recommendation has a larger one, so that an infeasible one is never an advantage. Differences are means over
the seeds, not medians as in `comparison.py`: under noise, the best measured point near a limit is infeasible in a part
of the campaigns, which a median would hide. Scale, margin and interval are those of `comparison.py`. If Sobol's
recommendation is infeasible in most campaigns, the scale is the regret of the penalty.
"""

import statistics

from benchmarks.quality.cells import CELLS, CONSTRAINED
from benchmarks.quality.comparison import mean_difference
from benchmarks.quality.results import Row
from benchmarks.quality.tables import Standings, markdown, with_interval

_OURS = "overnight"
_HEAD = ["cell", "contestant", "seeds", "feasible recommendations", "regret", "regret of the best tried"]
_HEAD += ["infeasible trials", "ours against it: mean difference in Sobol's median [90 %]", "verdict"]


def constrained_table(rows: list[Row]) -> str:
    """Return a markdown table of every contestant in every cell with limits.

    Regrets are medians and infeasible trials are means over the seeds.
    """
    standings = Standings(rows, "regret")
    by_campaigns = [
        (cell.name, who, found)
        for cell in CONSTRAINED
        for who in standings.contestants
        if (
            found := [
                row for row in rows if (row["cell"], row["contestant"], row["charged"]) == (cell.name, who, False)
            ]
        )
    ]
    return markdown(_HEAD, [_line(cell, who, found, standings) for cell, who, found in by_campaigns])


def _line(cell: str, who: str, rows: list[Row], standings: Standings) -> list[str]:
    feasible = sum(row["feasible"] for row in rows)
    regret, tried = (statistics.median(row[column] for row in rows) for column in ("regret", "best_tried_regret"))
    spent = statistics.mean(infeasible_trials(row) for row in rows)
    differences = standings.differences(cell, who)
    verdict = ["–", "–"]
    if who != _OURS and len(differences):
        found = mean_difference(differences)
        verdict = [with_interval(found), found.verdict]
    return [cell, who, str(len(rows)), str(feasible), f"{regret:.3g}", f"{tried:.3g}", f"{spent:.1f}", *verdict]


def infeasible_trials(row: Row) -> int:
    """Return how many trials of a campaign had truly infeasible points."""
    problem = CELLS[row["cell"]].problem
    return sum(not problem.feasible(dict(zip(problem.parameters, point, strict=True))) for point in row["points"])
