"""Probabilities of allowed values and their derivatives agree with 60 digits of mpmath, also far out in the tails."""

import math

import mpmath
import pytest
import torch

from overnight.bo_core.acquisition.limited.allowed import Allowed, Threshold, lies_within, log_probability_within

mpmath.mp.dps = 60
MEANS, SDS = [-300.0, -30.0, -3.0, -0.1, 0.0, 0.4, 2.0, 20.0, 200.0], [1e-3, 0.3, 1.0, 7.0]
INTERVALS = [(-1.0, None), (None, 0.5), (-1.0, 0.5), (0.3, 0.3 + 1e-5), (0.3, 0.3 + 1e-9), (-1e6, 1e6), (5.0, 6.0)]


def oracle(mean: float, sd: float, low: float | None, high: float | None) -> tuple[float, float, float]:
    m, s = mpmath.mpf(mean), mpmath.mpf(sd)
    a = -mpmath.inf if low is None else (mpmath.mpf(low) - m) / s
    b = mpmath.inf if high is None else (mpmath.mpf(high) - m) / s
    upper = a > 0
    parts = (mpmath.erfc(a / mpmath.sqrt(2)) - mpmath.erfc(b / mpmath.sqrt(2))) / 2
    if not upper:
        parts = (mpmath.erfc(-b / mpmath.sqrt(2)) - mpmath.erfc(-a / mpmath.sqrt(2))) / 2

    def density(v: mpmath.mpf) -> mpmath.mpf:
        return mpmath.mpf(0) if mpmath.isinf(v) else mpmath.npdf(v)

    def moment(v: mpmath.mpf) -> mpmath.mpf:
        return mpmath.mpf(0) if mpmath.isinf(v) else v * mpmath.npdf(v)

    by_mean = (density(a) - density(b)) / (parts * s)
    by_sd = (moment(a) - moment(b)) / (parts * s)
    return float(mpmath.log(parts)), float(by_mean), float(by_sd)


def tensor(value: float | None) -> torch.Tensor | None:
    return None if value is None else torch.full((1, 1, 1), value, dtype=torch.float64)


@pytest.mark.parametrize(("low", "high"), INTERVALS)
def test_the_log_probability_and_its_derivatives_agree_with_many_digits(low, high):
    # The width of a narrow interval far away is itself lost to rounding.
    means = [mean for mean in MEANS if low is None or high is None or high - low > 1e-4 or abs(mean) < 10.0]
    for mean in means:
        for sd in SDS:
            at = torch.full((1, 1, 1), mean, dtype=torch.float64), torch.full((1, 1, 1), sd, dtype=torch.float64)
            found = log_probability_within(*at, tensor(low), tensor(high))
            expected = oracle(mean, sd, low, high)
            here = float(found.value), float(found.by_mean), float(found.by_sd)
            assert here == pytest.approx(expected, rel=2e-7, abs=1e-10), (mean, sd)


def test_without_limits_everything_is_allowed():
    found = log_probability_within(torch.zeros(1, 2, 3), torch.ones(1, 2, 1), None, None)
    assert bool((found.value == 0).all() & (found.by_mean == 0).all() & (found.by_sd == 0).all())


def test_the_limits_of_a_draw_are_the_tightest_ones_and_move_with_its_baseline():
    values = torch.tensor([[[1.0, 2.0], [5.0, 6.0]]])
    allowed = Allowed((Threshold(0.0),), (Threshold(4.0),))
    allowed = allowed.and_also(Allowed((Threshold(-1.0, 2.0),), (Threshold(0.0, 1.5),)))
    low, high = allowed.ends(values, baseline=0)
    assert low is not None
    assert high is not None
    assert low.tolist() == [[[1.0, 3.0]]]
    assert high.tolist() == [[[1.5, 3.0]]]
    assert lies_within(values, low, high).tolist() == [[[True, False], [False, False]]]
    assert Allowed().ends(values, None) == (None, None)
    assert math.inf > float(Allowed((Threshold(3.0),)).ends(values, None)[0].max()) == 3.0
