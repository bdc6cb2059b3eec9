"""Check the beliefs about recommendations: how often the truth lies in the interval, and how often "better" is true.

Stored campaigns of ours are read as they were after a given number of trials had ended.
"""

import math
import multiprocessing
import statistics
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.quality.cells import CELLS, Cell
from benchmarks.quality.results import Row
from benchmarks.quality.stored_campaign import stored_campaign
from benchmarks.quality.tables import markdown
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History
from overnight.campaign.recommendation import Recommendation

_ENDED = (20, 40, 60)
# The widening of beliefs was chosen with these seeds; the others are fresh.
_CHOSEN_WITH = range(10)
# These trials take turns as the baseline, so that it is a poor point in some cases and a good one in others.
_BASELINES = range(1, 60, 5)
_STEPS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True)
class Belief:
    """The belief about one recommendation, and the truth.

    `inside` is whether the true value lies in the interval of 90 %, `deviations` its distance from the mean in standard
    deviations, and `log_density` its density, in units of the function's spread, so that cells can be averaged.
    `better` holds a probability of being better than a baseline for each trial that was taken as one, and the truth.
    """

    seed: int
    ended: int
    inside: bool
    deviations: float
    log_density: float
    better: tuple[tuple[float, bool], ...]


def calibration_tables(rows: Iterable[Row], jobs: int) -> str:
    """Return two markdown tables: of the intervals, and of the probabilities of being better than a baseline."""
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        beliefs = [belief for found in pool.map(_beliefs, rows) for belief in found]
    return f"{_intervals(beliefs)}\n\n{_comparisons(beliefs)}"


def _intervals(beliefs: Sequence[Belief]) -> str:
    header = ["trials ended", "seeds", "campaigns", "in the 90 % interval", "root mean square deviation"]
    groups = [(ended, name, some) for ended in _ENDED for name, some in _by_seeds(beliefs, ended)]
    lines = [[str(ended), name, str(len(some)), *_numbers(some)] for ended, name, some in groups]
    return markdown([*header, "mean log density"], lines)


def _by_seeds(beliefs: Sequence[Belief], ended: int) -> list[tuple[str, list[Belief]]]:
    found = [belief for belief in beliefs if belief.ended == ended]
    groups = {
        "chosen with": [belief for belief in found if belief.seed in _CHOSEN_WITH],
        "fresh": [belief for belief in found if belief.seed not in _CHOSEN_WITH],
    }
    return [(name, some) for name, some in groups.items() if some]


def _numbers(found: Sequence[Belief]) -> list[str]:
    inside = statistics.mean(belief.inside for belief in found)
    size = math.sqrt(statistics.mean(belief.deviations**2 for belief in found))
    return [f"{inside:.0%}", f"{size:.2f}", f"{statistics.mean(belief.log_density for belief in found):.2f}"]


def _comparisons(beliefs: Sequence[Belief]) -> str:
    found = [pair for belief in beliefs for pair in belief.better]
    lines = []
    for low, high in pairwise(_STEPS):
        of_step = [pair for pair in found if low <= pair[0] < high or pair[0] == high == 1.0]
        if of_step:
            said, was = (statistics.mean(float(pair[i]) for pair in of_step) for i in (0, 1))
            lines.append([f"{low:.0%} to {high:.0%}", str(len(of_step)), f"{said:.1%}", f"{was:.1%}"])
    return markdown(["probability of being better", "comparisons", "stated, on average", "true"], lines)


def _beliefs(row: Row) -> list[Belief]:
    cell = CELLS[row["cell"]]
    campaign = cell.campaign(row["seed"])
    _, earlier = stored_campaign(row, campaign)
    known = {ended: earlier[row["curve_trials"].index(ended)] for ended in _ENDED if ended in row["curve_trials"]}
    made = {ended: recommend(campaign, history) for ended, history in known.items()}
    return [
        _belief(cell, campaign, known[ended], found, ended)
        for ended, found in made.items()
        if found is not None and found.sd is not None
    ]


def _belief(cell: Cell, campaign: Campaign, history: History, found: Recommendation, ended: int) -> Belief:
    truth = cell.problem.worth(found.point)
    belief = found.predicted[found.objective]
    assert belief.sd is not None
    assert belief.low is not None
    assert belief.high is not None
    deviations = (truth - belief.mean) / belief.sd
    return Belief(
        seed=campaign.seed,
        ended=ended,
        inside=belief.low <= truth <= belief.high,
        deviations=deviations,
        log_density=-0.5 * deviations**2 - math.log(belief.sd / cell.function.spread * math.sqrt(2.0 * math.pi)),
        better=tuple(_comparison(cell, campaign, history, found, i) for i in _baselines(history, found)),
    )


def _baselines(history: History, found: Recommendation) -> list[int]:
    """Return the observed trials that serve as baselines; the recommended one is not compared with itself."""
    observed = {trial.id for trial in history.model_view().observed}
    return [i for i in _BASELINES if i in observed and i != found.trial]


def _comparison(
    cell: Cell, campaign: Campaign, history: History, found: Recommendation, baseline: int
) -> tuple[float, bool]:
    """Return the stated probability that the recommended point is better than a trial's, and whether it is."""
    point = history.trials[baseline].point
    compared = recommend(campaign.model_copy(update={"baseline": dict(point)}), history)
    assert compared is not None
    assert compared.point == found.point
    assert compared.probability_better_than_baseline is not None
    return compared.probability_better_than_baseline, cell.problem.regret(found.point) < cell.problem.regret(point)
