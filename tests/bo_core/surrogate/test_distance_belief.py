"""The belief about the distance from a target is that of draws of the metric whose distances are taken."""

from typing import Any

import mpmath
import pytest
import torch
from surrogate_cases import uniform
from told_posteriors import a_posterior

from overnight.bo_core.surrogate.distance import DistanceBelief, folded_normal, quantile

MEANS, SDS = [-1e4, -50.0, -7.0, -1.0, -1e-5, 0.0, 0.3, 2.0, 12.0, 39.9, 40.1, 1e6], [1e-6, 0.3, 1.0, 25.0]


def moments(mean: Any, sd: Any) -> tuple[Any, Any]:
    """Return the mean and variance of |Y| from their textbook formulas, at many digits."""
    v = mean / sd
    first = sd * mpmath.sqrt(2 / mpmath.pi) * mpmath.exp(-v * v / 2) + mean * mpmath.erf(v / mpmath.sqrt(2))
    return first, mean * mean + sd * sd - first * first


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("sd", SDS)
def test_the_moments_of_a_size_and_their_derivatives_agree_with_many_digits(mean: float, sd: float):
    found = folded_normal(*(torch.tensor([x], dtype=torch.float64) for x in (mean, sd)))
    with mpmath.workdps(120):
        m, s, step = mpmath.mpf(mean), mpmath.mpf(sd), mpmath.mpf(sd) * mpmath.mpf(10) ** -25
        first, variance = moments(m, s)
        by_mean = (moments(m + step, s)[0] - moments(m - step, s)[0]) / (2 * step)
        by_sd = (moments(m, s + step)[0] - moments(m, s - step)[0]) / (2 * step)
    assert float(found.mean) == pytest.approx(float(first), rel=1e-13)
    assert float(found.variance) == pytest.approx(float(variance), rel=1e-12)
    assert float(found.by_mean) == pytest.approx(float(by_mean), rel=1e-9, abs=1e-12)
    assert float(found.by_sd) == pytest.approx(float(by_sd), rel=1e-9, abs=1e-12)


def test_a_metric_that_is_known_has_a_known_distance():
    found = folded_normal(torch.tensor([-3.0, 0.0, 2.0]).double(), torch.zeros(3).double())
    assert found.mean.tolist() == [3.0, 0.0, 2.0]
    assert found.variance.tolist() == [0.0, 0.0, 0.0]
    assert quantile(-3.0, 0.0, 0.9) == 3.0


@pytest.mark.parametrize("mean", [-30.0, -1.0, 0.0, 0.4, 5.0])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_share_of_the_sizes_lies_below_the_quantile(mean: float, share: float):
    q = quantile(mean, 2.0, share)
    below = mpmath.ncdf((q - mean) / 2) - mpmath.ncdf((-q - mean) / 2)
    assert float(below) == pytest.approx(share, rel=1e-9)


def test_the_joint_belief_has_the_moments_of_draws():
    metric, X = a_posterior(), uniform(6, 3, 9)
    belief = DistanceBelief(metric, target=0.4)
    normals = torch.randn(2, 100_000, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    values = belief.drawn(X, normals).values
    means, covariances = belief.joint(X)
    torch.testing.assert_close(values.mean(2), means, rtol=0.01, atol=2e-3)
    variances = covariances.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(values.var(2), variances, rtol=0.02, atol=1e-4)
    assert bool((torch.linalg.eigvalsh(covariances) > -1e-9).all())
    torch.testing.assert_close(belief.marginal(X)[0], means)
    torch.testing.assert_close(belief.marginal(X)[1], variances.sqrt())
    mean, sd = belief.averaged(X)
    mixture = values.transpose(1, 2).flatten(0, 1)
    torch.testing.assert_close(mixture.mean(0), mean, rtol=0.01, atol=2e-3)
    torch.testing.assert_close(mixture.std(0), sd, rtol=0.02, atol=1e-3)


def test_far_from_the_target_the_distance_is_believed_as_the_metric_is():
    metric, X = a_posterior(), uniform(6, 3, 9)
    mean, covariance = metric.joint(X)
    found_mean, found = DistanceBelief(metric, target=100.0).joint(X)
    torch.testing.assert_close(found_mean, mean - 100.0)
    torch.testing.assert_close(found, covariance)


@pytest.mark.parametrize("target", [-2.0, 0.0, 0.5, 3.0])
def test_the_bounds_of_distances_are_those_that_the_bounds_of_the_metric_allow(target: float):
    metric = a_posterior()
    low, high = metric.bounds_at_data(5.0)
    between = low + (high - low) * torch.linspace(0.0, 1.0, 1001, dtype=torch.float64)[:, None, None]
    values = -(between - target).abs()
    least, most = DistanceBelief(metric, target).bounds_at_data(5.0)
    assert bool((least <= values.amin(0) + 1e-12).all() & (most >= values.amax(0) - 1e-12).all())
    torch.testing.assert_close(least, values.amin(0))
    torch.testing.assert_close(most, values.amax(0), atol=2e-3, rtol=0.0)
