"""Arithmetic of the tables: medians over seeds, ratios within rounds, geometric means over the grid."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.speed.problem import Cell
from benchmarks.speed.results import Row, latest_rounds


@dataclass(frozen=True)
class Worst:
    """The largest shortfall of all asks, and the largest of the cells' medians."""

    ask: float
    cell: float


class Summary:
    """The figures of the latest round of each cell and seed of a suite, by real time or by processor time."""

    def __init__(
        self, rows: Iterable[Row], suite: str = "grid", clock: Literal["seconds", "cpu_seconds"] = "seconds"
    ) -> None:
        self.rows = latest_rounds(row for row in rows if row.suite == suite)
        self.cells = sorted({row.cell for row in self.rows})
        self.contestants = list(dict.fromkeys(row.contestant for row in self.rows))
        times = {(row.cell, row.seed, row.contestant): getattr(row, clock) for row in self.rows}
        self._seconds: dict[tuple[Cell, int, str], float] = {
            ask: seconds for ask, seconds in times.items() if seconds is not None
        }

    def seeds(self, cell: Cell, *contestants: str) -> list[int]:
        """Return the seeds for which all of these contestants answered."""
        seeds = sorted({row.seed for row in self.rows if row.cell == cell})
        return [s for s in seeds if all((cell, s, c) in self._seconds for c in contestants)]

    def median(self, cell: Cell, contestant: str, seeds: Sequence[int] | None = None) -> float | None:
        """Return the median of a contestant's seconds; None if it never answered."""
        seeds = self.seeds(cell, contestant) if seeds is None else seeds
        return statistics.median(self._seconds[cell, s, contestant] for s in seeds) if seeds else None

    def ratio(self, cell: Cell, ours: str, rival: str) -> float | None:
        """Return how many times as long the rival takes, from medians over the seeds for which both answered."""
        seeds = self.seeds(cell, ours, rival)
        mine, other = self.median(cell, ours, seeds), self.median(cell, rival, seeds)
        return None if mine is None or other is None else other / mine

    def ratios(self, ours: str, rival: str) -> dict[Cell, float]:
        """Return the ratios of all cells that have one."""
        found = {cell: self.ratio(cell, ours, rival) for cell in self.cells}
        return {cell: ratio for cell, ratio in found.items() if ratio is not None}

    def worst(self, contestant: str, shortfall: str) -> Worst | None:
        """Return the worst `fit_shortfall` or `acquisition_shortfall`; None if none was judged."""
        by_cell: dict[Cell, list[float]] = {}
        for row in self.rows:
            value = getattr(row, shortfall)
            if row.contestant == contestant and value is not None:
                by_cell.setdefault(row.cell, []).append(value)
        if not by_cell:
            return None
        return Worst(max(map(max, by_cell.values())), max(map(statistics.median, by_cell.values())))

    def peak_rss(self, cell: Cell, contestant: str) -> int | None:
        """Return the highest peak over the seeds of a cell, in bytes."""
        peaks = [r.peak_rss for r in self.rows if r.cell == cell and r.contestant == contestant and r.peak_rss]
        return max(peaks, default=None)


def geometric_mean(ratios: Iterable[float]) -> float | None:
    """Return the geometric mean; None if there are no ratios."""
    logs = [math.log(ratio) for ratio in ratios]
    return math.exp(statistics.fmean(logs)) if logs else None
