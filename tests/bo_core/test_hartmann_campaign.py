import random

import numpy as np
import pytest
from told_campaigns import add, campaign_of, cube, defined, key, observed

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Point

WORKERS, TRIALS, NOISE = 4, 60, 0.1

ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(point: Point) -> float:
    """Return the six-dimensional Hartmann function, whose minimum is -3.322."""
    x = np.array([float(value) for value in point.values()])
    return float(-ALPHA @ np.exp(-np.sum(A * (x - P) ** 2, axis=1)))


def run_asynchronously(campaign: Campaign, proposer: BayesianProposer) -> History:
    """Return the history of a campaign whose workers finish in random order, one at a time."""
    chance = random.Random(11)
    history = History.from_events([defined(campaign)])
    while len(history.model_view().observed) < TRIALS:
        free = min(WORKERS - len(history.model_view().pending), TRIALS - len(history.trials))
        history = add(history, propose(campaign, history, proposer, free))
        ends = chance.choice(history.model_view().pending)
        history = history.extended([observed(ends.id, hartmann6(ends.point) + NOISE * chance.gauss(0, 1))])
    return history


@pytest.mark.slow
def test_four_workers_find_a_good_point_of_a_noisy_function_of_six_parameters_in_sixty_trials() -> None:
    campaign = campaign_of(cube(6), budget={"trials": TRIALS}, workers=WORKERS, seed=3)
    history = run_asynchronously(campaign, BayesianProposer(device="cpu"))
    found = recommend(campaign, history)
    assert found is not None
    assert hartmann6(found.point) <= -2.5
    assert found.mean == pytest.approx(hartmann6(found.point), abs=0.3)
    # Points are repeated only by proposals of a replication.
    provenances = [t.proposal.provenance for t in history.trials.values()]
    again = sum(p is not None and p.chosen.acquisition == "replication" for p in provenances)
    assert len({key(t.point) for t in history.trials.values()}) == TRIALS - again
