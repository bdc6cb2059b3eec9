"""Check the uncertainty of recommendations: how often the truth lies in the interval, and how surprising it is.

Stored campaigns of ours are read as they were after a given number of trials had ended. The same campaigns are judged
with the likeliest hyperparameters and averaged over several sets.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.quality.cells import CELLS
from benchmarks.quality.results import Row
from benchmarks.quality.stored_campaign import stored_campaign
from benchmarks.quality.tables import markdown
from overnight.bo_core import BayesianProposer
from overnight.bo_core.recommend import recommend

_SETTINGS: tuple[Literal["map", "average"], ...] = ("map", "average")
_ENDED = (20, 40, 60)
_DEVIATIONS_OF_90_PERCENT = 1.645


@dataclass(frozen=True)
class Prediction:
    """The distance of the truth from a recommendation's mean, in its standard deviations, and the truth's log density.

    The density is in units of the function's spread, so that cells can be averaged.
    """

    deviations: float
    log_density: float


def calibration_table(rows: Iterable[Row]) -> str:
    """Return a markdown table with a line for each number of ended trials and each treatment of hyperparameters."""
    rows = list(rows)
    lines = []
    for ended in _ENDED:
        for setting in _SETTINGS:
            found = [p for row in rows if (p := _prediction(row, ended, setting)) is not None]
            if found:
                lines.append([str(ended), setting, str(len(found)), *_numbers(found)])
    header = ["trials ended", "hyperparameters", "campaigns", "in the 90 % interval", "root mean square deviation"]
    return markdown([*header, "mean log density"], lines)


def _numbers(found: Sequence[Prediction]) -> list[str]:
    inside = statistics.mean(abs(p.deviations) <= _DEVIATIONS_OF_90_PERCENT for p in found)
    size = math.sqrt(statistics.mean(p.deviations**2 for p in found))
    return [f"{inside:.0%}", f"{size:.2f}", f"{statistics.mean(p.log_density for p in found):.2f}"]


def _prediction(row: Row, ended: int, setting: Literal["map", "average"]) -> Prediction | None:
    """Return the prediction for the point recommended then; None if the campaign has no such step."""
    if ended not in row["curve_trials"]:
        return None
    cell = CELLS[row["cell"]]
    campaign = cell.campaign(row["seed"])
    _, earlier = stored_campaign(row, campaign)
    history = earlier[row["curve_trials"].index(ended)]
    found = recommend(campaign, history, BayesianProposer(hyperparameters=setting))
    if found is None:
        return None
    deviations = (cell.problem.minimum + cell.problem.regret(found.point) - found.mean) / found.sd
    spreads = found.sd / cell.problem.spread
    return Prediction(deviations, -0.5 * deviations**2 - math.log(spreads * math.sqrt(2.0 * math.pi)))
