"""The extension point of the acquisition: a score of several metrics needs only its own class."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
import torch
from surrogate_cases import central_differences, uniform
from told_posteriors import a_posterior
from torch import Tensor

from overnight.bo_core.acquisition import (
    AverageScore,
    Drawn,
    JointDraws,
    OneObjective,
    Score,
    Scored,
    Scoring,
    best_in_each_draw,
)
from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.surrogate import Conditional

METRICS = ("speed", "heat")
LIMIT = 0.2


@dataclass(frozen=True)
class Constrained:
    """Expected improvement on the best feasible point of each draw, times the probability that heat is low enough."""

    logarithmic = True

    def against(self, drawn: Drawn) -> Scoring:
        feasible = drawn.eligible & (drawn.values["heat"] <= LIMIT)
        # Without a feasible point, every candidate improves on the worst drawn value.
        worst = drawn.values["speed"].amin(1, keepdim=True) - 1.0
        best = torch.maximum(best_in_each_draw(drawn.values["speed"], feasible), worst)

        def scored(at: Mapping[str, Conditional]) -> Scored:
            speed, heat = at["speed"], at["heat"]
            gain = LogExpectedImprovement().evaluate(speed.mean, speed.sd, best)
            v = (LIMIT - heat.mean) / heat.sd
            ratio = torch.exp(-0.5 * v * v - 0.5 * math.log(2.0 * math.pi) - torch.special.log_ndtr(v)) / heat.sd
            return Scored(
                gain.value + torch.special.log_ndtr(v),
                {"speed": gain.by_mean, "heat": -ratio},
                {"speed": gain.by_sd, "heat": -ratio * v},
            )

        return scored


class WeightedMeans:
    """A weighted sum of two means, which is not a logarithm."""

    logarithmic = False

    def against(self, drawn: Drawn) -> Scoring:
        def scored(at: Mapping[str, Conditional]) -> Scored:
            one, nothing = torch.ones_like(at["speed"].mean), torch.zeros_like(at["speed"].mean)
            value = 0.7 * at["speed"].mean + 0.3 * at["heat"].mean
            return Scored(value, {"speed": 0.7 * one, "heat": 0.3 * one}, {"speed": nothing, "heat": nothing})

        return scored


def two_metrics(points: Tensor, draws: int, more: int = 1, sets: int = 1) -> JointDraws:
    posteriors = {"speed": a_posterior(n=20, sets=sets), "heat": a_posterior(n=15, sets=sets, kernel="rbf")}
    return JointDraws(posteriors, points, draws, more, seed=3)


@pytest.mark.parametrize("score", [Constrained(), WeightedMeans(), OneObjective("speed", LogExpectedImprovement())])
@pytest.mark.parametrize("sets", [1, 3])
def test_the_gradient_runs_back_through_every_metric(score: Score, sets: int) -> None:
    draws = two_metrics(uniform(5, 3, 1), 64, sets=sets)
    draws.add(uniform(1, 3, 2)[0])
    average, X = AverageScore(draws, score), 0.02 + 0.96 * uniform(6, 3, 4)
    value, gradient = average.value_and_gradient(X)
    torch.testing.assert_close(value, average.value(X))
    torch.testing.assert_close(gradient, central_differences(average.value, X, 2e-5), rtol=1e-6, atol=1e-6)


def test_a_constrained_score_is_the_mean_over_joint_samples_of_what_is_gained_on_the_best_feasible_point() -> None:
    points, pool = uniform(4, 3, 1), uniform(200, 3, 2)
    draws = two_metrics(points, 8192)
    values = AverageScore(draws, Constrained()).value(pool)
    x, found = pool[values.argmax()][None], float(values.max().exp())

    samples: dict[str, Tensor] = {}
    for i, (name, belief) in enumerate(draws.beliefs.items()):
        mean, covariance = belief.joint(torch.cat([x, points]))
        L = torch.linalg.cholesky(covariance[0] + 1e-9 * torch.eye(5, dtype=torch.float64))
        normals = torch.randn(5, 400_000, generator=torch.Generator().manual_seed(i), dtype=torch.float64)
        samples[name] = mean[0, :, None] + L @ normals
    speed, feasible = samples["speed"], samples["heat"] <= LIMIT
    best = torch.maximum(speed[1:].masked_fill(~feasible[1:], -torch.inf).amax(0), speed[1:].amin(0) - 1.0)
    gained = (speed[0] - best).clamp(min=0.0) * feasible[0]
    assert found == pytest.approx(float(gained.mean()), rel=0.02)


def test_one_objective_takes_no_notice_of_another_metric() -> None:
    points, X, score = uniform(4, 3, 1), uniform(200, 3, 2), OneObjective("speed", LogExpectedImprovement())
    alone = JointDraws({"speed": a_posterior(n=20, sets=1)}, points, 4096, 1, seed=3)
    found, expected = (AverageScore(draws, score).value(X) for draws in (two_metrics(points, 4096), alone))
    highest = expected.argsort(descending=True)[:8]
    torch.testing.assert_close(found[highest], expected[highest], rtol=0.0, atol=0.02)
