"""A pair: the campaigns of both sides of a change, and of Sobol's points, on one cell and seed."""

import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.quality.campaign_run import CampaignRun, run_campaign
from benchmarks.quality.cells import Cell
from benchmarks.quality.changes import Change
from benchmarks.quality.contestants import OURS, OwnContestant
from benchmarks.quality.measures import best_tried
from benchmarks.quality.results import Row, store_in
from benchmarks.quality.stored_campaign import numbers_of

# One row per pair, so that both sides always come from the same code. Points are the recommended ones; `measured` is
# whether one was tried. A campaign is not stored: its seed and commit give it again.
_POINT = pa.list_(pa.float64())
SCHEMA = pa.schema(
    [
        ("cell", pa.string()),
        ("seed", pa.int64()),
        ("sides", pa.string()),
        ("code", pa.string()),
        *((f"{side}_{column}", kind) for side in ("base", "changed") for column, kind in (
            ("regret", pa.float64()), ("best_tried", pa.float64()), ("point", _POINT), ("measured", pa.bool_())
        )),
        ("sobol_regret", pa.float64()),
        ("seconds", pa.float64()),
        ("commit", pa.string()),
        ("date", pa.string()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """One cell and seed of a change."""

    change: Change
    cell: Cell
    seed: int

    def measured(self) -> Row | str:
        """Return the pair's row, or the traceback of its failure."""
        try:
            return self._row()
        except Exception:
            return traceback.format_exc()

    def _row(self) -> Row:
        began, change = time.perf_counter(), self.change
        base = run_campaign(self.cell, self.seed, change.base)
        changed = base if change.shares_search else run_campaign(self.cell, self.seed, change.changed)
        sobol = run_campaign(self.cell, self.seed, OURS["sobol"])
        return {
            "cell": self.cell.name,
            "seed": self.seed,
            "sides": change.described,
            **{f"base_{name}": value for name, value in self._found(change.base, base).items()},
            **{f"changed_{name}": value for name, value in self._found(change.changed, changed).items()},
            "sobol_regret": self._found(OURS["sobol"], sobol)["regret"],
            "seconds": time.perf_counter() - began,
        }

    def _found(self, side: OwnContestant, run: CampaignRun) -> Row:
        points = side.recommend(run.campaign, run.history)
        if not points:
            raise ValueError("expected a recommendation, got a campaign without a result")
        [point] = points
        return {
            "regret": self.cell.problem.regret(point),
            "best_tried": best_tried(self.cell, run.history),
            "point": numbers_of(run.campaign, point),
            "measured": any(trial.point == point for trial in run.history.model_view().observed),
        }


def read_pairs(path: Path) -> list[Row]:
    """Return the stored pairs of a change."""
    return pq.read_table(path).to_pylist() if path.exists() else []


def store_pair(path: Path, row: Row) -> None:
    """Store a pair in place of an earlier one of the same cell and seed."""
    store_in(path, row, SCHEMA, lambda each: (each["cell"], each["seed"]))
