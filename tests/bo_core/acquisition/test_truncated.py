"""The expected improvement of a metric that is itself limited agrees with many digits, and so do its derivatives."""

import mpmath
import pytest
import torch

from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.acquisition.limited.truncated import log_improvement_within

mpmath.mp.dps = 50
MEANS, SDS = [-30.0, -8.0, -2.0, -0.3, 0.0, 0.4, 3.0, 9.0, 40.0], [0.1, 1.0, 4.0]
CASES = [
    (0.3, None, 0.3 + 1e-7),
    (0.0, 0.3, 0.3 + 1e-5),
    (0.0, None, 1.0),
    (0.0, 0.5, None),
    (0.0, 0.5, 2.0),
    (-1.0, None, 3.0),
    (-3.0, -1.0, -0.5),
    (0.0, None, 0.01),
]


def tensor(value: float) -> torch.Tensor:
    return torch.full((1, 1, 1), value, dtype=torch.float64)


def oracle(mean, sd, best: float, low: float | None, high: float | None) -> mpmath.mpf:
    """Return log ∫ (f − best) N(f; mean, sd²) df between the limits, by antiderivatives at 50 digits."""
    least, most = mpmath.mpf(best if low is None else max(best, low)), mpmath.inf if high is None else mpmath.mpf(high)
    a, b, z = (least - mean) / sd, (most - mean) / sd, (best - mean) / sd
    upper = a > 0
    mass = mpmath.ncdf(-a) - mpmath.ncdf(-b) if upper else mpmath.ncdf(b) - mpmath.ncdf(a)
    at_b = mpmath.mpf(0) if mpmath.isinf(b) else mpmath.npdf(b)
    return mpmath.log(sd * (mpmath.npdf(a) - at_b - z * mass))


@pytest.mark.parametrize(("best", "low", "high"), CASES)
def test_the_improvement_within_limits_agrees_with_its_integral(best, low, high):
    ends = [None if end is None else tensor(end) for end in (low, high)]
    step = mpmath.mpf(10) ** -12
    for mean in map(mpmath.mpf, MEANS):
        for sd in map(mpmath.mpf, SDS):
            found = log_improvement_within(tensor(float(mean)), tensor(float(sd)), tensor(best), *ends)
            value = oracle(mean, sd, best, low, high)
            by_mean = oracle(mean + step, sd, best, low, high) - oracle(mean - step, sd, best, low, high)
            by_sd = oracle(mean, sd + step, best, low, high) - oracle(mean, sd - step, best, low, high)
            expected = [float(value), float(by_mean / (2 * step)), float(by_sd / (2 * step))]
            assert [float(x) for x in (found.value, found.by_mean, found.by_sd)] == pytest.approx(
                expected, rel=1e-6, abs=1e-6
            )


def test_without_limits_it_is_the_usual_improvement():
    mean, sd, best = torch.randn(1, 7, 5, dtype=torch.float64), torch.full((1, 7, 1), 0.7), torch.randn(1, 1, 5)
    found, usual = log_improvement_within(mean, sd, best, None, None), LogExpectedImprovement().evaluate(mean, sd, best)
    for name in ("value", "by_mean", "by_sd"):
        torch.testing.assert_close(getattr(found, name), getattr(usual, name))


def test_nothing_is_gained_if_the_best_lies_beyond_the_limit():
    found = log_improvement_within(tensor(0.0), tensor(1.0), tensor(2.0), None, tensor(1.0))
    assert (float(found.value), float(found.by_mean), float(found.by_sd)) == (-torch.inf, 0.0, 0.0)
