"""What is measured of a finished campaign."""

import statistics
import time
from typing import Any

import torch

from benchmarks.quality.campaign_run import CURVE_STEP, CampaignRun, run_campaign
from benchmarks.quality.cells import Cell
from benchmarks.quality.contestants import Contestant, contestant_named, judged_best
from bo_core.encoding import Encoding
from campaign import Campaign, History

_SAME = 1e-6


def measure(cell: Cell, seed: int, name: str, *, charge: bool = False) -> dict[str, Any]:
    """Run one campaign of a contestant and return its row, without where it came from."""
    began = time.perf_counter()
    with contestant_named(name) as contestant:
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


def _found(cell: Cell, run: CampaignRun, contestant: Contestant) -> dict[str, Any]:
    """Return the regrets in the end and on the way, by the contestant's own recommendation and by our judge's."""
    campaign, history = run.campaign, run.history
    own = _regret(cell, history, contestant.recommend(campaign, history))
    tried = [cell.problem.regret(trial.point) for trial in history.model_view().observed]
    steps = range(CURVE_STEP, cell.trials + 1, CURVE_STEP)
    known = [run.earlier[k] for k in steps]
    return {
        "true_value": None if own is None else own + cell.problem.minimum,
        "regret": own,
        "judged_regret": _regret(cell, history, judged_best(campaign, history)),
        "best_tried_regret": min(tried, default=None),
        "curve_trials": list(steps),
        "curve_regret": [_regret(cell, h, contestant.recommend(campaign, h)) for h in known],
        "curve_judged_regret": [_regret(cell, h, judged_best(campaign, h)) for h in known],
    }


def _regret(cell: Cell, history: History, trial: int | None) -> float | None:
    return None if trial is None else cell.problem.regret(history.trials[trial].point)


def utilisation(campaign: Campaign, history: History) -> float:
    """Return the share of the workers' time, from the first start to the last end, in which they were busy."""
    spans = [(t.attempts[0].started, t.outcome.ended) for t in history.trials.values() if t.outcome and t.attempts]
    busy = sum((end - start).total_seconds() for start, end in spans)
    makespan = (max(end for _, end in spans) - min(start for start, _ in spans)).total_seconds()
    return busy / (campaign.workers * makespan)


def duplicates(campaign: Campaign, history: History) -> int:
    """Return how many trials lie within 1e-6 of an earlier one in every coordinate of the unit cube."""
    X = Encoding(campaign.parameters).encode([t.point for t in history.trials.values()])
    near = torch.cdist(X, X, p=float("inf")) < _SAME
    return int(near.tril(-1).any(1).sum())
