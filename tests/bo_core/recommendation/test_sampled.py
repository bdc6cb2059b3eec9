"""The probability of being on the front, compared with draws from the joint normal distributions of the models."""

import random
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from told_campaigns import some_points
from told_fronts import front_campaign, told_front

from overnight.bo_core.data.inside import view_inside
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.bo_core.recommendation.contest import Contest
from overnight.bo_core.recommendation.counted import Counted, generator_for
from overnight.bo_core.recommendation.sampled import Sampled
from overnight.bo_core.widening import WIDENING
from overnight.campaign import Campaign, History

BASE = {"x0": 0.5, "x1": 0.5}
LIKELIEST = BayesianProposer(hyperparameters="map")
DRAWS = 20_000


def noisy(campaign: Campaign, count: int = 12) -> History:
    draw = random.Random(7)
    points = [BASE, *some_points(campaign, count - 1)]
    results = [
        {
            "size": 3 * p["x0"] + draw.gauss(0, 0.3),
            "speed": 2 * p["x0"] - p["x1"] + draw.gauss(0, 0.3),
            "heat": p["x0"] + p["x1"] + draw.gauss(0, 0.1),
        }
        for p in points
    ]
    return told_front(campaign, points, results, sem=0.3)


def contest_of(campaign: Campaign, history: History) -> tuple[Counted, Contest]:
    generator = generator_for(campaign)
    counted = Counted.of(campaign, view_inside(campaign, history), LIKELIEST, None, generator)
    return counted, counted.contest(generator)


def drawn(counted: Counted, contest: Contest) -> Mapping[str, np.ndarray]:
    """Return draws [DRAWS, n] of each metric in its own unit and sign."""
    chance, found = np.random.default_rng(0), {}
    for metric, model in contest.models.items():
        mean, covariance = (part[0].numpy() for part in model.posterior.joint(counted.tried))
        y = chance.multivariate_normal(mean, WIDENING**2 * covariance, DRAWS, method="eigh")
        outcomes = model.observed.outcomes
        found[metric] = outcomes.sign * (outcomes.center + outcomes.scale * y) * outcomes.unit
    return found


@pytest.mark.parametrize(
    "constraints", [(), ("heat <= 1.1",), ("size <= 1.2 * baseline", "heat <= 1.2"), ("speed >= 0.5 * baseline",)]
)
def test_probabilities_are_those_of_independent_draws_of_all_metrics(constraints: tuple[str, ...]) -> None:
    campaign = front_campaign(noise="known", baseline=BASE, constraints=constraints)
    history = noisy(campaign)
    found = recommend(campaign, history, LIKELIEST)
    assert found is not None
    counted, contest = contest_of(campaign, history)
    values = drawn(counted, contest)
    feasible = np.ones((DRAWS, len(counted.trials)), dtype=bool)
    for each in campaign.constraints:
        base = values[each.metric][:, :1]
        for bound, sign in ((each.at_least, 1), (each.at_most, -1)):
            if bound is not None:
                feasible &= sign * (values[each.metric] - bound.offset - bound.factor * base) >= 0
    small, fast = -values["size"], values["speed"]
    for each in found.front:
        row = next(i for i, trial in enumerate(counted.trials) if trial.id == each.trial)
        as_good = (small >= small[:, [row]]) & (fast >= fast[:, [row]]) & feasible
        as_good[:, row] = False
        assert each.probability == pytest.approx((feasible[:, row] & ~as_good.any(1)).mean(), abs=0.035)
    best = next(i for i, trial in enumerate(counted.trials) if trial.id == found.trial)
    better = (small[:, best] > small[:, 0]) & (fast[:, best] > fast[:, 0])
    assert found.probability_better_than_baseline == pytest.approx(better.mean(), abs=0.035)
    assert any(0.02 < (each.probability or 0.0) < 0.98 for each in found.front)


def test_exact_values_are_in_every_sample_and_one_that_lies_on_a_limit_meets_it() -> None:
    campaign = front_campaign(constraints=["size <= 3", "speed >= 0.1"])
    points = some_points(campaign, 6)
    results = [{"size": float(i), "speed": i / 10} for i in range(1, 7)]
    counted, contest = contest_of(campaign, told_front(campaign, points, results))
    sampled = Sampled.of(contest, ["size", "speed"], counted.tried, torch.Generator().manual_seed(0))
    assert all(bool((value == value[:, :1]).all()) for value in sampled.values.values())
    assert sampled.feasible.all(1).tolist() == sampled.feasible.any(1).tolist() == [True] * 3 + [False] * 3
    assert sampled.means["size"].tolist() == sorted(sampled.means["size"].tolist(), reverse=True)
