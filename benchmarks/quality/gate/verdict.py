"""The rule of the gate, fixed before any change was judged by it.

A block's pooled difference is the mean over the cells of the mean over its seeds of (changed regret − base regret) /
scale, in which a cell's scale is the median regret of its Sobol campaigns on the same seeds. Below 0 the change is
better. Intervals hold 90 % of 10,000 bootstrap samples of the seeds (benchmarks/quality/comparison.py).

A change *lands* if the interval's upper end is below 0 on the development block and on a fresh block. It is *neutral*
if one of the intervals, or both, lies within ±0.02 instead: it may land if it makes things simpler. Otherwise it is
*refused*. There is no verdict while any pair is missing.
"""

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.quality.comparison import Difference, Vector, mean_difference, paired, pooled_difference
from benchmarks.quality.results import Row

NEUTRAL = 0.02

Standing = Literal["better", "neutral", "not better"]
Verdict = Literal["lands", "neutral", "refused"]


@dataclass(frozen=True)
class Block:
    """The results of a change on one block of seeds; `cells` and `pooled` cover the pairs that are stored."""

    seeds: range
    cells: dict[str, Difference]
    pooled: Difference | None
    missing: int
    commits: tuple[str, ...]

    @property
    def standing(self) -> Standing | None:
        """Return how the change stands on this block; None while any pair is missing."""
        if self.missing or self.pooled is None:
            return None
        if self.pooled.high < 0:
            return "better"
        within = self.pooled.low >= -NEUTRAL and self.pooled.high <= NEUTRAL
        return "neutral" if within else "not better"

    @property
    def worst(self) -> list[str]:
        """Return the three cells with the largest differences above 0, the largest first."""
        lost = [name for name, found in self.cells.items() if found.value > 0]
        return sorted(lost, key=lambda name: -self.cells[name].value)[:3]


def block_of(rows: Sequence[Row], cells: Sequence[str], seeds: range, same: Collection[str] = ()) -> Block:
    """Return the results of a block from those rows that belong to it.

    In the cells in which both sides are the `same`, no pair is needed: every difference is 0.
    """
    known = [row for row in rows if row["cell"] in cells and row["cell"] not in same and row["seed"] in seeds]
    differences = {
        name: found
        for name in cells
        if len(found := np.zeros(len(seeds)) if name in same else _differences(known, name))
    }
    return Block(
        seeds,
        {name: mean_difference(found) for name, found in differences.items()},
        pooled_difference(list(differences.values())) if differences else None,
        len([name for name in cells if name not in same]) * len(seeds) - len(known),
        tuple(sorted({row["commit"] for row in known})),
    )


def _differences(rows: Sequence[Row], cell: str) -> Vector:
    of_cell = [row for row in rows if row["cell"] == cell]
    base, changed, sobol = (
        {row["seed"]: row[f"{side}_regret"] for row in of_cell} for side in ("base", "changed", "sobol")
    )
    return paired(changed, base, statistics.median(sobol.values()) if sobol else 1.0)


def verdict(development: Standing | None, fresh: Standing | None) -> Verdict | None:
    """Return the verdict on a change; None while a block that could change it is missing."""
    if development is None:
        return None
    if "not better" in (development, fresh):
        return "refused"
    if fresh is None:
        return None
    return "lands" if development == fresh == "better" else "neutral"
