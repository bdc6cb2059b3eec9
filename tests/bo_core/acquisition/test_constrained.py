"""The score under constraints agrees with plain sampling, is smooth, and is finite whatever the draws hold."""

import math

import pytest
import torch
from botorch.acquisition.analytic import LogConstrainedExpectedImprovement
from botorch.models.deterministic import GenericDeterministicModel
from surrogate_cases import central_differences, uniform
from told_posteriors import a_posterior
from torch import Tensor

from overnight.bo_core.acquisition import AverageScore, Drawn, JointDraws, could_be_best
from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.acquisition.limited import (
    Allowed,
    ConfidentMean,
    ConstrainedObjective,
    Threshold,
    could_be_best_feasible,
)
from overnight.bo_core.acquisition.probability_of_improvement import LogProbabilityOfImprovement
from overnight.bo_core.surrogate import Conditional

FLOOR = -2.0
LIMITS = {
    "an upper limit": ({"heat": Allowed((), (Threshold(0.2),))}, None),
    "both limits": ({"heat": Allowed((Threshold(-0.5),), (Threshold(0.2),))}, None),
    "limits of two metrics": ({"heat": Allowed((Threshold(-0.3),)), "cost": Allowed((), (Threshold(0.5),))}, None),
    "a limit relative to the first point": ({"heat": Allowed((), (Threshold(-0.1, 1.2),))}, 0),
    "limits of the objective itself": (
        {"speed": Allowed((), (Threshold(0.9),)), "heat": Allowed((Threshold(-0.3),))},
        None,
    ),
    "a limit that nothing meets": ({"heat": Allowed((Threshold(30.0),))}, None),
    "a limit that everything meets": ({"heat": Allowed((Threshold(-30.0),))}, None),
}


def joint_draws(points: Tensor, draws: int, sets: int = 1) -> JointDraws:
    kernels = {"speed": ("matern52", 20), "heat": ("rbf", 15), "cost": ("matern52", 12)}
    posteriors = {name: a_posterior(n=n, sets=sets, kernel=kernel) for name, (kernel, n) in kernels.items()}
    return JointDraws(posteriors, points, draws, 1, seed=3)


def scores(name: str) -> list[ConstrainedObjective | ConfidentMean]:
    allowed, baseline = LIMITS[name]
    utilities = LogExpectedImprovement(), LogProbabilityOfImprovement()
    return [
        *(ConstrainedObjective("speed", utility, allowed, baseline, FLOOR) for utility in utilities),
        ConfidentMean("speed", allowed, baseline, 0.95, 1.4),
    ]


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("sets", [1, 3])
def test_gradients_run_back_through_every_metric_and_are_finite(name, sets):
    draws = joint_draws(uniform(5, 3, 1), 64, sets=sets)
    draws.add(uniform(1, 3, 2)[0])
    for score in scores(name):
        average, X = AverageScore(draws, score), 0.02 + 0.96 * uniform(6, 3, 4)
        value, gradient = average.value_and_gradient(X)
        assert bool(value.isfinite().all() & gradient.isfinite().all())
        torch.testing.assert_close(value, average.value(X))
        expected = central_differences(average.value, X, 2e-5)
        # A fine is steep, so differences of it are less exact.
        tolerance = 1e-3 if isinstance(score, ConfidentMean) else 2e-5
        torch.testing.assert_close(gradient, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", [name for name in LIMITS if "nothing" not in name])
def test_the_score_is_the_mean_gain_on_the_best_feasible_point_over_joint_samples(name):
    allowed, baseline = LIMITS[name]
    points, pool = uniform(4, 3, 1), uniform(200, 3, 2)
    draws = joint_draws(points, 8192)
    values = AverageScore(draws, scores(name)[0]).value(pool)
    x, found = pool[values.argmax()][None], float(values.max().exp())
    samples, feasible = {}, torch.ones(5, 400_000, dtype=torch.bool)
    for i, (metric, belief) in enumerate(draws.beliefs.items()):
        mean, covariance = belief.joint(torch.cat([x, points]))
        L = torch.linalg.cholesky(covariance[0] + 1e-9 * torch.eye(5, dtype=torch.float64))
        normals = torch.randn(5, 400_000, generator=torch.Generator().manual_seed(i), dtype=torch.float64)
        f = samples[metric] = mean[0, :, None] + L @ normals
        limits = allowed.get(metric, Allowed())
        base = 0.0 if baseline is None else f[1 + baseline]
        for limit in limits.lows:
            feasible &= f >= limit.constant + limit.slope * base
        for limit in limits.highs:
            feasible &= f <= limit.constant + limit.slope * base
    speed = samples["speed"]
    best = speed[1:].masked_fill(~feasible[1:], -torch.inf).amax(0)
    best = torch.where(best.isinf(), FLOOR, best)
    gained = (speed[0] - best).clamp(min=0.0) * feasible[0]
    assert found == pytest.approx(float(gained.mean()), rel=0.02)


def test_without_a_feasible_draw_the_probability_alone_is_the_score():
    draws, X = joint_draws(uniform(5, 3, 1), 64), uniform(9, 3, 4)
    score = scores("a limit that nothing meets")[0]
    assert isinstance(score, ConstrainedObjective)
    assert score.share_without_feasible(draws.drawn) == 1.0
    at = draws.metrics["heat"].at(X)
    expected = torch.special.log_ndtr((at.mean - 30.0) / at.sd).logsumexp((0, 2)) - math.log(64)
    torch.testing.assert_close(AverageScore(draws, score).value(X), expected)


def test_with_one_known_best_value_it_is_the_score_of_botorch():
    mean, sd = torch.tensor([[0.3, -0.4]], dtype=torch.float64), torch.tensor([[0.5, 0.8]], dtype=torch.float64)

    class Normals(GenericDeterministicModel):
        def posterior(self, X, *args, **kwargs):
            del args, kwargs

            class Belief:
                def __init__(self):
                    self.mean = mean.expand(len(X), 1, 2)
                    self.variance = sd.square().expand(len(X), 1, 2)
                    self.device, self.dtype = X.device, X.dtype

            return Belief()

    theirs = LogConstrainedExpectedImprovement(Normals(lambda X: X, 2), 0.1, 0, {1: (-1.0, 0.2)})
    expected = theirs(torch.zeros(1, 1, 2, dtype=torch.float64))
    drawn = Drawn({"f": torch.full((1, 1, 1), 0.1), "c": torch.zeros(1, 1, 1)}, torch.ones(1, 1, 1, dtype=torch.bool))
    allowed = {"c": Allowed((Threshold(-1.0),), (Threshold(0.2),))}
    scored = ConstrainedObjective("f", LogExpectedImprovement(), allowed, None, FLOOR).against(drawn)
    at = {name: Conditional(mean[:, i : i + 1, None], sd[:, i : i + 1, None]) for i, name in enumerate(("f", "c"))}
    assert float(scored(at).value) == pytest.approx(float(expected), rel=1e-6)


def test_the_points_that_could_be_the_best_feasible_one_are_those_of_plain_sampling():
    beliefs = joint_draws(uniform(1, 3, 1), 64, sets=2).beliefs
    allowed = {"heat": Allowed((Threshold(0.1),)), "cost": Allowed((), (Threshold(0.8),))}
    X, generator = beliefs["speed"].scaling.center.new_tensor(uniform(20, 3, 20).tolist()), torch.Generator()
    found = could_be_best_feasible(beliefs, "speed", allowed, X, X[:0], generator.manual_seed(1), samples=20_000)
    counts = torch.zeros(20)
    for i in range(2):
        sampled = {}
        for j, (name, belief) in enumerate(beliefs.items()):
            mean, covariance = belief.joint(X)
            L = torch.linalg.cholesky(covariance[i] + 1e-9 * torch.eye(20, dtype=torch.float64))
            normals = torch.randn(20, 100_000, generator=torch.Generator().manual_seed(10 * i + j), dtype=torch.float64)
            sampled[name] = mean[i, :, None] + L @ normals
        feasible = (sampled["heat"] >= 0.1) & (sampled["cost"] <= 0.8)
        some = feasible.any(0)
        best = sampled["speed"].masked_fill(~feasible, -torch.inf).argmax(0)[some]
        counts += torch.bincount(best, minlength=20)
    often = [i for i in counts.argsort(descending=True).tolist() if counts[i] > 400]
    assert found[: len(often)].tolist()[:3] == often[:3]
    assert set(often) <= set(found.tolist())
    assert not set(found.tolist()) & {i for i in range(20) if counts[i] == 0}


def test_limits_that_everything_meets_leave_the_points_that_could_be_best():
    beliefs = joint_draws(uniform(1, 3, 1), 64).beliefs
    X = uniform(20, 3, 20)
    every = {"heat": Allowed((Threshold(-50.0),))}
    found = could_be_best_feasible(beliefs, "speed", every, X, X[:0], torch.Generator().manual_seed(1))
    plain = could_be_best(beliefs["speed"], X, torch.Generator().manual_seed(1))
    assert found[:3].tolist() == plain[:3].tolist()
