"""Measures of a finished campaign."""

import statistics
import time

import torch

from benchmarks.quality.campaign_run import CampaignRun, run_campaign
from benchmarks.quality.cells import CELLS, Cell
from benchmarks.quality.contestants import OURS, Contestant, contestant_named, judged_best
from benchmarks.quality.results import Row
from benchmarks.quality.stored_campaign import as_told, stored_campaign
from overnight.bo_core.data.encoding import Encoding
from overnight.campaign import Campaign, History

_SAME = 1e-6


def measure(cell: Cell, seed: int, name: str, *, charge: bool = False) -> Row:
    """Run one campaign of a contestant and return its row, without its origin."""
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


def _found(cell: Cell, run: CampaignRun, contestant: Contestant) -> Row:
    """Return the final and intermediate results, by the contestant's own recommendation and by our judge's."""
    own = _regret(cell, run.history, contestant.recommend(run.campaign, run.history))
    tried = [cell.problem.regret(trial.point) for trial in run.history.model_view().observed]
    steps = sorted(run.earlier)
    known = [run.earlier[k] for k in steps]
    return {
        "true_value": None if own is None else own + cell.problem.minimum,
        "regret": own,
        "best_tried_regret": min(tried, default=None),
        "curve_trials": steps,
        "curve_regret": [_regret(cell, history, contestant.recommend(run.campaign, history)) for history in known],
        **judged(cell, run.campaign, run.history, known),
        **as_told(run.history),
    }


def judged(cell: Cell, campaign: Campaign, history: History, earlier: list[History]) -> Row:
    """Return the final and intermediate regrets of our judge's recommendation."""
    regrets = [_regret(cell, h, judged_best(campaign, h)) for h in (*earlier, history)]
    return {"judged_regret": regrets[-1], "curve_judged_regret": regrets[:-1]}


def judged_again(row: Row) -> Row:
    """Return a stored row with the regrets of our present recommendation; for ours, these also replace its own."""
    cell = CELLS[row["cell"]]
    campaign = cell.campaign(row["seed"])
    history, earlier = stored_campaign(row, campaign)
    new = judged(cell, campaign, history, earlier)
    if row["contestant"] in OURS:
        regret = new["judged_regret"]
        new |= {"regret": regret, "true_value": None if regret is None else regret + cell.problem.minimum}
        new |= {"curve_regret": new["curve_judged_regret"]}
    return row | new


def _regret(cell: Cell, history: History, trial: int | None) -> float | None:
    return None if trial is None else cell.problem.regret(history.trials[trial].point)


def utilisation(campaign: Campaign, history: History) -> float:
    """Return the share of the workers' time in which they were busy, from the first start to the last end."""
    spans = [(t.attempts[0].started, t.outcome.ended) for t in history.trials.values() if t.outcome and t.attempts]
    busy = sum((end - start).total_seconds() for start, end in spans)
    makespan = (max(end for _, end in spans) - min(start for start, _ in spans)).total_seconds()
    return busy / (campaign.workers * makespan)


def duplicates(campaign: Campaign, history: History) -> int:
    """Return how many trials lie within 1e-6 of an earlier one in every coordinate of the unit cube."""
    X = Encoding(campaign.parameters).encode([t.point for t in history.trials.values()])
    near = torch.cdist(X, X, p=float("inf")) < _SAME
    return int(near.tril(-1).any(1).sum())
