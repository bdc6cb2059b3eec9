"""Measures of a finished campaign."""

import statistics
import time
from collections.abc import Sequence

import torch

from benchmarks.quality.campaign_run import CampaignRun, run_campaign
from benchmarks.quality.cells import CELLS, Cell
from benchmarks.quality.contestants import JUDGE, OURS, Contestant, contestant_for, file_of
from benchmarks.quality.results import Row
from benchmarks.quality.stored_campaign import as_told, stored_campaign
from overnight.bo_core.data.encoding import Encoding
from overnight.campaign import Campaign, History, Point

_SAME = 1e-6


def measure(cell: Cell, seed: int, name: str, *, charge: bool = False) -> Row:
    """Run one campaign of a contestant and return its row, without its origin."""
    began = time.perf_counter()
    with contestant_for(cell, name) as contestant:
        run = run_campaign(cell, seed, contestant, charge=charge)
        found = _found(cell, run, contestant)
        versions = contestant.versions()
    return {
        "cell": cell.name,
        "seed": seed,
        "contestant": name,
        "charged": charge,
        **found,
        "utilisation": utilisation(run.campaign, run.history),
        "duplicates": duplicates(run.campaign, run.history),
        "failures": len(run.history.model_view().failed),
        "ask_seconds_median": statistics.median(run.ask_seconds or [0.0]),
        "ask_seconds_max": max(run.ask_seconds, default=0.0),
        "wall_seconds": time.perf_counter() - began,
        "versions": [f"{library} {number}" for library, number in sorted(versions.items())],
    }


def _found(cell: Cell, run: CampaignRun, contestant: Contestant) -> Row:
    """Return the final and intermediate results, by the contestant's own recommendation and by our judge's."""
    own = _own(cell, contestant.recommend(run.campaign, run.history))
    steps = sorted(run.earlier)
    known = [run.earlier[k] for k in steps]
    return {
        **own,
        "best_tried_regret": best_tried(cell, run.history),
        "curve_trials": steps,
        "curve_regret": _regrets(contestant, cell, run.campaign, known),
        **judged(cell, run.campaign, run.history, known),
        **as_told(run.campaign, run.history),
    }


def judged(cell: Cell, campaign: Campaign, history: History, earlier: list[History]) -> Row:
    """Return the final and intermediate regrets of our judge's recommendation."""
    *curve, last = _regrets(JUDGE, cell, campaign, [*earlier, history])
    return {"judged_regret": last, "curve_judged_regret": curve}


def judged_again(row: Row) -> Row:
    """Return a stored row with the regrets of our present recommendation; for ours, these also replace its own."""
    cell = CELLS[row["cell"]]
    campaign = cell.campaign(row["seed"], file_of(row["contestant"], cell))
    history, earlier = stored_campaign(row, campaign)
    new = judged(cell, campaign, history, earlier)
    if (ours := OURS.get(row["contestant"])) is not None:
        new |= _own(cell, ours.recommend(campaign, history))
        new |= {"curve_regret": _regrets(ours, cell, campaign, earlier)}
    return row | new


def _own(cell: Cell, points: Sequence[Point]) -> Row:
    """Return the columns about a contestant's own final recommendation; the true value may be a penalty."""
    return {
        "true_value": cell.problem.worth(*points) if points else None,
        "regret": _regret(cell, points),
        "feasible": all(map(cell.problem.feasible, points)) if points else None,
        "recommended": len(points),
    }


def best_tried(cell: Cell, history: History) -> float | None:
    """Return the regret of all observed points together; None if there is none."""
    return _regret(cell, [trial.point for trial in history.model_view().observed])


def _regrets(
    contestant: Contestant, cell: Cell, campaign: Campaign, histories: Sequence[History]
) -> list[float | None]:
    return [_regret(cell, contestant.recommend(campaign, history)) for history in histories]


def _regret(cell: Cell, points: Sequence[Point]) -> float | None:
    return cell.problem.regret(*points) if points else None


def utilisation(campaign: Campaign, history: History) -> float:
    """Return the share of the workers' time in which they were busy, from the first start to the last end."""
    spans = [(t.attempts[0].started, t.outcome.ended) for t in history.trials.values() if t.outcome and t.attempts]
    busy = sum((end - start).total_seconds() for start, end in spans)
    makespan = (max(end for _, end in spans) - min(start for start, _ in spans)).total_seconds()
    return busy / (campaign.workers * makespan)


def duplicates(campaign: Campaign, history: History) -> int:
    """Return how many trials lie within 1e-6 of an earlier one in every coordinate of the unit cube."""
    X = Encoding(campaign.space).encode([t.point for t in history.trials.values()])
    near = torch.cdist(X, X, p=float("inf")) < _SAME
    return int(near.tril(-1).any(1).sum())
