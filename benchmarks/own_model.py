"""Measure the benefit of a user's own model: `python -m benchmarks.own_model`, on the example's pipeline.

Each seed is one campaign with the built-in surrogate and one with the example's additive gpytorch model, from the same
Sobol points. The comparison is by how many seconds the best trial is above the optimum.
"""

import argparse
import importlib
import statistics
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.quality.comparison import cell_difference
from benchmarks.seeds import seeds_of
from overnight.bo_core import BayesianProposer
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History, Measurement
from overnight.campaign.history.events import CampaignDefined, TrialObserved, TrialProposed
from overnight.campaign.parameters import Value
from overnight.flows.definition.campaign_file import load_campaign_file

_EXAMPLE = Path(__file__).parents[1] / "examples" / "pipeline"
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_OPTIMUM = 10.0

Evaluate = Callable[[Mapping[str, Value]], float]


def regret(campaign: Campaign, proposer: BayesianProposer, evaluate: Evaluate) -> float:
    """Return how far the best trial of a campaign is above the optimum."""
    history = History.from_events([CampaignDefined(time=_NOON, actor="own", uid="u", definition=campaign)])
    best = float("inf")
    for trial in range(1, campaign.budget.trials + 1):
        [proposal] = propose(campaign, history, proposer, 1)
        seconds = evaluate(proposal.point)
        best = min(best, seconds)
        made = TrialProposed(time=_NOON, actor="own", trial=trial, **dict(proposal))
        metrics = {campaign.objective.metric: Measurement(mean=seconds)}
        end = TrialObserved(time=_NOON, actor="own", trial=trial, attempt=1, metrics=metrics)
        history = history.extended([made, end])
    return best - _OPTIMUM


def main() -> None:
    """Print both regrets of each seed, and the median of their differences with its 90 % interval."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.own_model", description=__doc__)
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("0-31"))
    file = load_campaign_file(_EXAMPLE / "campaign.yaml")
    assert isinstance(file.proposer, BayesianProposer)
    sys.path.append(str(_EXAMPLE))
    evaluate: Evaluate = importlib.import_module("pipeline").evaluate
    built_in = file.proposer.model_copy(update={"surrogate": BayesianProposer().surrogate})
    pairs: list[tuple[float, float]] = []
    for seed in parser.parse_args().seeds:
        campaign = file.campaign.model_copy(update={"seed": seed})
        pairs.append((regret(campaign, built_in, evaluate), regret(campaign, file.proposer, evaluate)))
        print(f"seed {seed}: built-in {pairs[-1][0]:.3f}, own model {pairs[-1][1]:.3f}", flush=True)
    before, after = np.array(pairs).T
    difference = cell_difference(after - before)
    better = int((after < before).sum())
    print(
        f"{len(pairs)} seeds: median regret {statistics.median(before):.3f} s with the built-in surrogate, "
        f"{statistics.median(after):.3f} s with the own model; difference {difference.value:+.3f} s, 90 % "
        f"between {difference.low:+.3f} and {difference.high:+.3f} s; the own model is better in {better}"
    )


if __name__ == "__main__":
    main()
