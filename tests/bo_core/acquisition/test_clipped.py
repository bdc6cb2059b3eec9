"""The expected share of a side of a box agrees with many digits, and so do its derivatives."""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise

import mpmath
import pytest
import torch
from scipy.integrate import quad

from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.acquisition.front.clipped import log_clipped, log_clipped_within

mpmath.mp.dps = 60
MEANS = [-500.0, -30.0, -13.0, -2.0, -0.7, 0.0, 0.4, 9.0, 5000.0]
SDS = [0.05, 1.0, 40.0]
SIDES = [(0.0, 1.0), (0.0, 1e-3), (0.0, 1e-7), (-1.0, 3.0), (0.0, 1e-12), (-0.5, 700.0), (0.0, 1e-4), (2.0, 2.01)]
LIMITS = [(None, 0.5), (0.25, None), (-0.5, 0.75), (None, 2.0), (1.5, 4.0), (-7.0, 9.0)]


def tensor(value: float) -> torch.Tensor:
    return torch.full((1, 1, 1, 1), value, dtype=torch.float64)


def h(v: mpmath.mpf) -> mpmath.mpf:
    """Return φ(v) + vΦ(v)."""
    return mpmath.npdf(v) + v * mpmath.ncdf(v)


def oracle(mean: mpmath.mpf, sd: mpmath.mpf, low: float, high: float | None) -> mpmath.mpf:
    """Return log E[(min(f, high) − low)⁺]."""
    below = mpmath.mpf(0) if high is None else h((mean - mpmath.mpf(high)) / sd)
    # The larger of the two differences of improvements loses no digits.
    return mpmath.log(sd * (h((mean - mpmath.mpf(low)) / sd) - below))


def assert_agrees(found, value, by_mean, by_sd):
    expected = [float(value), float(by_mean), float(by_sd)]
    assert [float(each) for each in (found.value, found.by_mean, found.by_sd)] == pytest.approx(
        expected, rel=1e-7, abs=1e-9
    )


@pytest.mark.parametrize(("low", "high"), [*SIDES, (0.0, None)])
@pytest.mark.parametrize("sd", SDS)
def test_the_expected_share_of_a_side_agrees_with_its_integral(low, high, sd):
    for mean in MEANS:
        # A tail of −n nats needs n digits.
        digits = 60 + int((mean - low) ** 2 / sd**2) if mean < low else 60
        if digits > 300:
            continue
        with mpmath.workdps(digits):
            step, m, s = mpmath.mpf(10) ** -20, mpmath.mpf(mean), mpmath.mpf(sd)
            found = log_clipped(tensor(mean), tensor(sd), tensor(low), None if high is None else tensor(high))
            by_mean = (oracle(m + step, s, low, high) - oracle(m - step, s, low, high)) / (2 * step)
            by_sd = (oracle(m, s + step, low, high) - oracle(m, s - step, low, high)) / (2 * step)
            assert_agrees(found, oracle(m, s, low, high), by_mean, by_sd)


def test_without_an_end_it_is_the_expected_improvement():
    mean, sd, low = torch.randn(1, 7, 5, dtype=torch.float64), torch.full((1, 7, 1), 0.7), torch.randn(1, 1, 5)
    usual = LogExpectedImprovement().evaluate(mean, sd, low)
    for high in (None, torch.full_like(low, torch.inf)):
        found = log_clipped(mean, sd, low, high)
        for name in ("value", "by_mean", "by_sd"):
            torch.testing.assert_close(getattr(found, name), getattr(usual, name))


@pytest.mark.parametrize("mean", [-1e9, -1e4, 0.0, 1e4, 1e9])
@pytest.mark.parametrize("sd", [1e-7, 1.0, 1e3])
@pytest.mark.parametrize("width", [0.0, 1e-300, 1e-12, 1.0, 1e6, torch.inf])
def test_the_farthest_tails_have_finite_values_and_derivatives(mean, sd, width):
    found = log_clipped(tensor(mean), tensor(sd), tensor(0.0), tensor(width))
    assert all(bool(each.isfinite().all()) for each in (found.value, found.by_mean, found.by_sd))


def integral(of: Callable[[float], float], start: float, end: float, places: Iterable[float]) -> float:
    """Return an integral between two ends, by parts that begin at the places in between."""
    ends = sorted({start, end, *(place for place in places if start < place < end)})
    return sum(quad(of, *part, epsabs=0.0, epsrel=1e-9, limit=200)[0] for part in pairwise(ends))


@pytest.mark.parametrize(("least", "most"), LIMITS)
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 1e-4), (0.0, None), (0.0, torch.inf)])
def test_within_limits_it_agrees_with_quadrature(low, high, least, most):
    top, sd = torch.inf if high is None else high, 0.7
    start, end = max(low, -99.0 if least is None else least), 60.0 if most is None else most
    ends = [None if each is None else tensor(each) for each in (high, least, most)]
    for mean in (-3.0, 0.2, 0.8, 5.0):

        def share(f, mean=mean):
            return (min(f, top) - low) * math.exp(-0.5 * ((f - mean) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))

        def by_mean(f, mean=mean):
            return share(f, mean) * (f - mean) / sd**2

        def by_sd(f, mean=mean):
            return share(f, mean) * (((f - mean) / sd) ** 2 - 1) / sd

        places = [top, *(mean + k * sd for k in range(-12, 13, 3))]
        value, *derivatives = (integral(of, start, end, places) for of in (share, by_mean, by_sd))
        expected = [math.log(value), *(each / value for each in derivatives)]
        found = log_clipped_within(tensor(mean), tensor(sd), tensor(low), *ends)
        assert [float(each) for each in (found.value, found.by_mean, found.by_sd)] == pytest.approx(
            expected, rel=1e-5, abs=1e-5
        )


def test_a_side_beyond_the_limit_covers_nothing():
    found = log_clipped_within(tensor(0.0), tensor(1.0), tensor(2.0), tensor(3.0), None, tensor(1.0))
    assert float(found.value) == -torch.inf
    assert bool(found.by_mean.isfinite().all() & found.by_sd.isfinite().all())
