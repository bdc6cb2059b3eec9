"""The utility of a candidate with a target agrees with integrals, with simulations, and with the plain utilities."""

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from surrogate_cases import uniform
from told_posteriors import a_posterior
from torch import Tensor

from overnight.bo_core.acquisition import AverageScore, JointDraws, OneObjective, could_be_best
from overnight.bo_core.acquisition.distance import OfDistance, gains_in_best_distance, utility_towards
from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.acquisition.probability_of_improvement import LogProbabilityOfImprovement
from overnight.bo_core.acquisition.sampled_path import SampledPath
from overnight.bo_core.acquisition.simple_regret import SimpleRegret
from overnight.bo_core.acquisition.surfaces import surface_of_path
from overnight.bo_core.acquisition.upper_confidence_bound import UpperConfidenceBound
from overnight.bo_core.acquisition.utility import Evaluated, Utility
from overnight.bo_core.surrogate import Posterior
from overnight.bo_core.surrogate.distance import DistanceBelief

UTILITIES = [LogExpectedImprovement(), LogProbabilityOfImprovement(), UpperConfidenceBound(0.7), SimpleRegret()]
TARGET = 0.4


def tensor(value: float) -> Tensor:
    return torch.full((1, 1, 1), value, dtype=torch.float64)


def evaluated(utility: Utility, mean: float, sd: float, reach: float) -> Evaluated:
    return OfDistance(utility, TARGET).evaluate(tensor(mean), tensor(sd), tensor(-reach))


def improvement(mean: Any, sd: Any, reach: float) -> Any:
    """Return E[(reach − |Y − t|)⁺]: a second difference of E[(Z − x)⁺], which needs many digits far from the target."""

    def above(end: Any) -> Any:
        x = (end - mean) / sd
        return mpmath.npdf(x) - x * mpmath.ncdf(-x)

    return sd * (above(TARGET - mpmath.mpf(reach)) - 2 * above(mpmath.mpf(TARGET)) + above(TARGET + mpmath.mpf(reach)))


@pytest.mark.parametrize("reach", [1e-5, 0.2, 3.0, 50.0])
@pytest.mark.parametrize("v", [-25.0, -1.0, -0.01, 0.0, 5.0, 25.0])
@pytest.mark.parametrize("sd", [1e-3, 4.0])
def test_the_expected_improvement_agrees_with_many_digits_and_so_do_its_derivatives(v: float, sd: float, reach: float):
    mean, reach = TARGET + v * sd, reach * sd
    found = evaluated(LogExpectedImprovement(), mean, sd, reach)
    with mpmath.workdps(400):
        m, s, step = mpmath.mpf(mean), mpmath.mpf(sd), mpmath.mpf(sd) * mpmath.mpf(10) ** -12
        exact = mpmath.log(improvement(m, s, reach))
        by_mean = (mpmath.log(improvement(m + step, s, reach)) - exact) / step
        by_sd = (mpmath.log(improvement(m, s + step, reach)) - exact) / step
    assert float(found.value) == pytest.approx(float(exact), rel=1e-6, abs=1e-5)
    assert float(found.by_mean) == pytest.approx(float(by_mean), rel=1e-4, abs=1e-4 / sd)
    assert float(found.by_sd) == pytest.approx(float(by_sd), rel=1e-4, abs=1e-4 / sd)


@pytest.mark.parametrize("v", [-1e5, -1e3, 1e4])
@pytest.mark.parametrize("reach", [1e-6, 0.01, 2.0])
def test_the_logarithm_of_the_improvement_is_right_far_from_the_target(v: float, reach: float):
    away = mpmath.mpf(abs(v))

    def integrand(w: Any) -> Any:
        # With u = reach − w/|v|, the density is that at the nearer end times this exponential.
        u = reach - w / away
        return (reach - abs(u)) / away * mpmath.exp(-w * (away - reach) / away - (w / away) ** 2 / 2)

    last = 2 * reach * away
    ends = [end for end in (0, 0.01, 0.1, 1, 3, 10, 40, 100) if end < last]
    scaled = mpmath.quad(integrand, [*ends, min(last, mpmath.mpf(200))])
    exact = mpmath.log(scaled) - (away - reach) ** 2 / 2 - mpmath.log(2 * mpmath.pi) / 2
    found = OfDistance(LogExpectedImprovement(), 0.0).evaluate(tensor(v), tensor(1.0), tensor(-reach))
    assert float(found.value - float(exact)) == pytest.approx(0.0, abs=1e-6 * float(abs(exact)))
    assert float(found.by_mean) == pytest.approx(-v, rel=0.01)


@pytest.mark.parametrize("mean", [-1.0, 0.4, 0.6, 2.0])
@pytest.mark.parametrize("reach", [0.1, 0.7])
def test_the_expected_improvement_is_the_integral_of_its_definition(mean: float, reach: float):
    found = evaluated(LogExpectedImprovement(), mean, 0.5, reach)
    ends, density = (TARGET - reach, TARGET + reach), lambda f: norm.pdf(f, mean, 0.5)
    exact, _ = quad(lambda f: (reach - abs(f - TARGET)) * density(f), *ends, points=[TARGET])
    assert math.exp(float(found.value)) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("reach", [0.05, 0.9])
def test_the_other_utilities_agree_with_simulated_metrics(reach: float):
    f = np.random.default_rng(5).normal(0.9, 0.7, 2_000_000)
    z = -np.abs(f - TARGET)
    probability = evaluated(LogProbabilityOfImprovement(), 0.9, 0.7, reach)
    assert math.exp(float(probability.value)) == pytest.approx((z > -reach).mean(), rel=5e-3)
    assert float(evaluated(SimpleRegret(), 0.9, 0.7, reach).value) == pytest.approx(z.mean(), rel=2e-3)
    bound = evaluated(UpperConfidenceBound(0.7), 0.9, 0.7, reach)
    assert float(bound.value) == pytest.approx(z.mean() + 0.7 * z.std(), rel=5e-3)


@pytest.mark.parametrize("utility", UTILITIES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("mean", [-2.0, 0.35, 0.4, 0.8])
def test_derivatives_are_those_of_the_value(utility: Utility, mean: float):
    def value(m: float, s: float) -> float:
        return float(evaluated(utility, m, s, 0.3).value)

    found, step = evaluated(utility, mean, 0.6, 0.3), 1e-6
    by_mean = (value(mean + step, 0.6) - value(mean - step, 0.6)) / (2 * step)
    by_sd = (value(mean, 0.6 + step) - value(mean, 0.6 - step)) / (2 * step)
    assert [float(found.by_mean), float(found.by_sd)] == pytest.approx([by_mean, by_sd], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("utility", UTILITIES, ids=lambda each: type(each).__name__)
def test_a_target_far_above_is_like_maximizing(utility: Utility):
    mean, sd, best = torch.tensor([[[0.3, -0.2]]]).double(), tensor(0.5), torch.tensor([[[0.4, 0.1]]]).double()
    far = 1e4
    found, plain = OfDistance(utility, far).evaluate(mean, sd, best - far), utility.evaluate(mean, sd, best)
    shift = 0.0 if utility.logarithmic else far
    torch.testing.assert_close(found.value + shift, plain.value, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(found.by_mean, plain.by_mean, rtol=1e-5, atol=1e-8)


def test_values_and_derivatives_are_numbers_however_far_the_target_is_and_if_a_draw_lies_on_it():
    for mean in (-1e8, -1e3, 0.0, 0.4, 1e5):
        for sd in (1e-7, 1.0, 1e3):
            for reach in (0.0, 1e-12, 1.0, 1e8):
                found = evaluated(LogExpectedImprovement(), mean, sd, reach)
                assert not any(bool(part.isnan()) for part in (found.value, found.by_mean, found.by_sd))


def test_without_a_target_a_utility_stays_as_it_is():
    utility = LogExpectedImprovement()
    assert utility_towards(None, utility) is utility


def averaged(belief: DistanceBelief, points: Tensor, draws: int) -> AverageScore:
    joint = JointDraws({"m": belief}, points, draws, more=1, seed=3)
    return AverageScore(joint, OneObjective("m", OfDistance(LogExpectedImprovement(), belief.target)))


def test_the_score_is_the_improvement_of_sampled_metrics_over_the_best_of_each_sample():
    metric, points, x = a_posterior(), uniform(4, 3, 2), uniform(3, 3, 7)
    belief = DistanceBelief(metric, 0.3)
    found = averaged(belief, points, 4096).value(x).exp()
    mean, covariance = metric.joint(torch.cat([points, x]))
    root = torch.linalg.cholesky(covariance + 1e-10 * torch.eye(7))
    normals = torch.randn(2, 7, 400_000, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    z = belief.turned(mean.unsqueeze(2) + root @ normals)
    gains = (z[:, 4:] - z[:, :4].amax(1, keepdim=True)).clamp(min=0.0).mean((0, 2))
    torch.testing.assert_close(found, gains, rtol=0.03, atol=1e-5)


def test_the_gradient_of_the_score_is_that_of_its_value():
    score, x = averaged(DistanceBelief(a_posterior(), 0.3), uniform(4, 3, 2), 64), uniform(5, 3, 7)
    _, gradient = score.value_and_gradient(x)
    for i in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[i] = 1e-6
        slope = (score.value(x + step) - score.value(x - step)) / 2e-6
        torch.testing.assert_close(gradient[:, i], slope, rtol=1e-4, atol=1e-6)


def test_the_points_that_could_be_best_are_those_closest_to_the_target_in_samples():
    metric, generator = a_posterior(sets=1), torch.Generator().manual_seed(0)
    X = uniform(20, 3, 20)
    mean = metric.marginal(X)[0][0]
    near = could_be_best(DistanceBelief(metric, float(mean[7])), X, generator)
    assert 7 in near.tolist()
    far = could_be_best(DistanceBelief(metric, 100.0), X, torch.Generator().manual_seed(0))
    assert far.tolist() == could_be_best(metric, X, torch.Generator().manual_seed(0)).tolist()


def test_a_path_is_climbed_towards_the_target():
    path, x = SampledPath(a_posterior(), seed=4), uniform(6, 3, 7)
    value, gradient = surface_of_path(path, 0.2).value_and_gradient(x)
    f, slope = path.value_and_gradient(x)
    torch.testing.assert_close(value, -(f - 0.2).abs())
    torch.testing.assert_close(gradient, torch.where(f > 0.2, -1.0, 1.0).unsqueeze(1) * slope)


def by_simulation(posterior: Posterior, target: float, points: Tensor, noise: Tensor, member: int) -> list[float]:
    """Return the gains of measurements of one set, each by conditioning on many outcomes, and folding by sampling."""
    mean, covariance = (part[member] for part in posterior.joint(points))
    normals = np.random.default_rng(0).standard_normal(4000)
    within = torch.special.ndtri((torch.arange(2000, dtype=torch.float64) + 0.5) / 2000)

    def expected(means: Tensor, sds: Tensor) -> Tensor:
        return (means.unsqueeze(-1) + sds.unsqueeze(-1) * within - target).abs().mean(-1)

    now = float(expected(mean, covariance.diagonal().clamp(min=0.0).sqrt()).min())
    gains = list[float]()
    for j in range(len(points)):
        total = covariance[j, j] + noise[member, j]
        left = (covariance.diagonal() - covariance[:, j] ** 2 / total).clamp(min=0.0).sqrt()
        bests = [float(expected(mean + covariance[:, j] / total.sqrt() * float(z), left).min()) for z in normals]
        gains.append(now - float(np.mean(bests)))
    return gains


def test_the_gain_of_a_measurement_is_that_of_telling_the_model_of_simulated_outcomes():
    posterior, points = a_posterior(noise=0.3), uniform(4, 3, 5)
    noise = posterior.hyperparameters.noise_variance[:, None].expand(2, 4)
    target = float(posterior.joint(points)[0][0, 1])
    belief = DistanceBelief(posterior, target)
    found = gains_in_best_distance(belief, points, noise, points[:0], noise[:, 0])
    expected = [by_simulation(posterior, target, points, noise, member) for member in range(2)]
    assert found.tolist() == pytest.approx(np.mean(expected, 0).tolist(), rel=0.1, abs=2e-3)
