"""Tables of the stored results in markdown: each contestant's regret in each cell, the winners and the cost."""

import statistics
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from benchmarks.peers import PEERS
from benchmarks.quality.cells import CELLS, GRID
from benchmarks.quality.comparison import (
    Difference,
    Regrets,
    Vector,
    cell_difference,
    is_worst,
    paired,
    pooled_difference,
)
from benchmarks.quality.contestants import NAMES
from benchmarks.quality.results import Row

_OURS, _SCALE = "overnight", "sobol"
_MEASURES = {
    "regret": "by each contestant's own recommendation",
    "judged_regret": "by our recommendation for all: what the search alone has found",
}


class Standings:
    """The regrets of one measure, by cell, contestant and seed."""

    def __init__(self, rows: Iterable[Row], measure: str) -> None:
        self.regrets: dict[str, dict[str, dict[int, float]]] = {}
        for row in rows:
            if row[measure] is not None and not row["charged"]:
                of_cell = self.regrets.setdefault(row["cell"], {})
                of_cell.setdefault(row["contestant"], {})[row["seed"]] = row[measure]

    @property
    def cells(self) -> list[str]:
        """Return the cells that have results, in their declared order."""
        return [name for name in CELLS if name in self.regrets]

    @property
    def contestants(self) -> list[str]:
        """Return the contestants that have results, in their declared order."""
        return [name for name in NAMES if any(name in of_cell for of_cell in self.regrets.values())]

    @property
    def rivals(self) -> list[str]:
        """Return every contestant except ours."""
        return [name for name in self.contestants if name != _OURS]

    def of(self, cell: str, contestant: str) -> Regrets:
        """Return a contestant's regrets by seed."""
        return self.regrets.get(cell, {}).get(contestant, {})

    def differences(self, cell: str, rival: str) -> Vector:
        """Return our paired differences against a rival; empty if either one or the scale is missing."""
        scale = self.of(cell, _SCALE)
        if not scale:
            return np.array([])
        return paired(self.of(cell, _OURS), self.of(cell, rival), statistics.median(scale.values()))


def all_tables(rows: list[Row]) -> str:
    """Return every table as one markdown text."""
    parts = ["# What campaigns find", "Definitions: `benchmarks/quality/comparison.py` and `cells.py`."]
    for measure, words in _MEASURES.items():
        standings = Standings(rows, measure)
        grid = summary(standings, [cell.name for cell in GRID], cell_difference)
        parts += [f"## Regret {words}", "Median (quartiles), number of seeds.", _regret_table(standings)]
        parts += ["### Ours against each: difference in units of Sobol's median regret [90 %]", _verdicts(standings)]
        parts += ["### Over the twelve cells of the grid", grid]
    parts += ["## What it cost", _costs(rows)]
    return "\n\n".join(parts) + "\n"


def _regret_table(standings: Standings) -> str:
    body = [[cell, *(_spread(standings.of(cell, who)) for who in standings.contestants)] for cell in standings.cells]
    return markdown(["cell", *standings.contestants], body)


def _spread(regrets: Regrets) -> str:
    if not regrets:
        return "–"
    low, middle, high = np.quantile(list(regrets.values()), [0.25, 0.5, 0.75])
    return f"{middle:.3g} ({low:.3g}–{high:.3g}), {len(regrets)}"


def _verdicts(standings: Standings) -> str:
    body = [
        [cell, *(_verdict(standings.differences(cell, who)) for who in standings.rivals)] for cell in standings.cells
    ]
    return markdown(["cell", *standings.rivals], body)


def _verdict(differences: Vector) -> str:
    if not len(differences):
        return "–"
    found = cell_difference(differences)
    return f"{found.verdict} {with_interval(found)}"


def with_interval(found: Difference) -> str:
    """Return a difference with its interval."""
    return f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


def summary(standings: Standings, cells: Sequence[str], difference: Callable[[Vector], Difference]) -> str:
    """Return the count of our verdicts against each rival over the cells that have results, and where we are worst."""
    cells = [cell for cell in cells if cell in standings.regrets]
    head = ["against", "cells", "win", "tie", "loss", "open", "pooled difference"]
    body = [_summary_row(standings, cells, who, difference) for who in standings.rivals]
    worst = [c for c in cells if is_worst(standings.of(c, _OURS), _peers(standings, c))]
    return markdown(head, body) + f"\n\nCells in which ours is worse than every peer: {', '.join(worst) or 'none'}."


def _peers(standings: Standings, cell: str) -> list[Regrets]:
    return [regrets for peer in PEERS if (regrets := standings.of(cell, peer))]


def _summary_row(
    standings: Standings, cells: Sequence[str], rival: str, difference: Callable[[Vector], Difference]
) -> list[str]:
    differences = [d for cell in cells if len(d := standings.differences(cell, rival))]
    verdicts = [difference(d).verdict for d in differences]
    counts = [str(verdicts.count(verdict)) for verdict in ("win", "tie", "loss", "open")]
    pooled = with_interval(pooled_difference(differences)) if differences else "–"
    return [rival, str(len(differences)), *counts, pooled]


def _costs(rows: list[Row]) -> str:
    head = ["contestant", "campaigns", "utilisation", "duplicates a campaign", "median s an ask", "longest ask (s)"]
    head += ["s a campaign", "commits"]
    return markdown(
        head, [_cost_row(name, of) for name in NAMES if (of := [r for r in rows if r["contestant"] == name])]
    )


def _cost_row(name: str, rows: list[Row]) -> list[str]:
    def middle(column: str) -> float:
        return statistics.median(row[column] for row in rows)

    repeated = statistics.mean(row["duplicates"] for row in rows)
    longest = max(row["ask_seconds_max"] for row in rows)
    costs = [f"{middle('utilisation'):.2f}", f"{repeated:.2g}", f"{middle('ask_seconds_median'):.3g}", f"{longest:.3g}"]
    commits = str(len({row["commit"] for row in rows}))
    return [name, str(len(rows)), *costs, f"{middle('wall_seconds'):.3g}", commits]


def markdown(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are already text."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
