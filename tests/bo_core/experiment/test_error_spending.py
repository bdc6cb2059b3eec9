import math
import random
from itertools import pairwise
from statistics import NormalDist

import mpmath
import numpy as np
import pytest
from crossing import crossing
from scipy.stats import multivariate_normal

from overnight.bo_core.experiment.spending import Look, boundaries, repeated_p, spent

_NORMAL = NormalDist()


def _evenly(looks: int) -> list[Look]:
    return [Look(look / looks, look / looks) for look in range(1, looks + 1)]


def test_five_even_looks_have_the_published_boundaries() -> None:
    # Lan and DeMets (1983) with the O'Brien-Fleming-like function, one-sided 0.025: R's ldbounds and gsDesign.
    found = boundaries(_evenly(5), 0.025)

    assert found == pytest.approx((4.877, 3.357, 2.680, 2.290, 2.031), abs=6e-4)


@pytest.mark.parametrize("alpha", [0.05, 0.04, 1e-3])
def test_a_single_look_at_the_end_is_an_ordinary_test(alpha: float) -> None:
    assert boundaries([Look(7.3, 1.0)], alpha) == pytest.approx((_NORMAL.inv_cdf(1 - alpha),), abs=1e-9)


def test_the_error_spent_is_that_of_the_formula_and_grows_to_the_whole() -> None:
    mpmath.mp.dps = 30
    for alpha in (0.05, 0.001):
        for fraction in (0.02, 0.3, 0.9):
            quantile = mpmath.sqrt(2) * mpmath.erfinv(1 - mpmath.mpf(alpha))
            exact = 2 * (1 - mpmath.ncdf(quantile / mpmath.sqrt(fraction)))
            assert spent(alpha, fraction) == pytest.approx(float(exact), rel=1e-9)
    assert [spent(0.05, fraction) for fraction in (-1.0, 0.0, 1e-9, 1.0, 3.0)] == [0.0, 0.0, 0.0, 0.05, 0.05]


def test_each_look_spends_its_share_by_an_independent_integral() -> None:
    looks = [Look(1.0, 0.3), Look(2.2, 0.55), Look(2.9, 1.0)]
    bounds = boundaries(looks, 0.05)

    for k in (1, 2, 3):
        information = np.array([look.information for look in looks[:k]])
        ratios = np.sqrt(np.minimum.outer(information, information) / np.maximum.outer(information, information))
        normal = multivariate_normal(np.zeros(k), ratios, seed=0, maxpts=3_000_000, abseps=1e-7, releps=0)
        stays = float(normal.cdf(np.array(bounds[:k])))
        assert 1 - stays == pytest.approx(spent(0.05, looks[k - 1].fraction), abs=1e-6)


@pytest.mark.parametrize("looks", [2, 14, 40])
def test_a_test_without_an_effect_crosses_with_exactly_the_error(looks: int) -> None:
    draws = random.Random(looks)
    times = [(look + draws.uniform(0.2, 0.8)) / looks for look in range(looks - 1)]
    # The information need not be in step with the fractions, and the last look may have less than planned.
    plan = [*(Look(0.8 * t, t) for t in times), Look(0.8, 1.0)]

    assert crossing(plan, boundaries(plan, 0.04)) == pytest.approx(0.04, abs=1e-7)


def test_two_hundred_looks_spend_the_whole_error_and_no_more() -> None:
    plan = _evenly(200)
    bounds = boundaries(plan, 0.05)

    assert bounds[:3] == (math.inf, math.inf, math.inf)
    assert all(later < earlier for earlier, later in pairwise(bounds[20:]))
    # The limit of continuous looks is above, and one look at the end below.
    assert 1.645 < bounds[-1] < 1.96
    thinned = [look for look, bound in zip(plan, bounds, strict=True) if bound < math.inf]
    assert crossing(thinned, tuple(bound for bound in bounds if bound < math.inf)) == pytest.approx(0.05, abs=1e-6)


def test_a_look_at_hardly_any_information_decides_nothing_and_costs_nothing() -> None:
    tiny, *rest = boundaries([Look(1e-9, 1e-9), *_evenly(3)], 0.05)

    assert tiny == math.inf
    assert rest == pytest.approx(boundaries(_evenly(3), 0.05), abs=1e-8)


def test_a_look_without_new_information_is_skipped() -> None:
    once = boundaries(_evenly(4), 0.05)
    first, second, *rest = _evenly(4)
    less = Look(second.information * 0.9, 0.45)

    found = boundaries([first, second, second, less, *rest], 0.05)

    assert found[2:4] == (math.inf, math.inf)
    assert (*found[:2], *found[4:]) == once


def test_the_last_look_spends_the_rest_even_without_new_information() -> None:
    bounds = boundaries([Look(0.5, 0.5), Look(0.9, 0.9), Look(0.9, 1.0)], 0.05)

    assert bounds[2] < bounds[1]
    # The evidence of the last two looks is the same, so only the lower boundary counts.
    same = boundaries([Look(0.5, 0.5), Look(0.9, 1.0)], 0.05)
    assert (bounds[0], bounds[2]) == pytest.approx(same, abs=1e-9)


def test_nothing_is_decided_after_the_whole_error_is_spent() -> None:
    assert boundaries([Look(1.0, 1.0), Look(2.0, 1.0)], 0.05)[1] == math.inf


def test_a_p_value_is_the_error_at_which_a_look_just_decides() -> None:
    looks, values = _evenly(6), [0.3, 1.0, 1.9, 2.4, 2.1, 1.8]

    p = repeated_p(looks, values)

    def decides(alpha: float) -> bool:
        return any(value >= bound for value, bound in zip(values, boundaries(looks, alpha), strict=True))

    assert decides(p * 1.001)
    assert not decides(p * 0.999)


def test_the_p_value_of_one_look_is_the_ordinary_one() -> None:
    assert repeated_p([Look(1.0, 1.0)], [2.0]) == pytest.approx(1 - _NORMAL.cdf(2.0), rel=1e-3)
    assert repeated_p([Look(1.0, 1.0)], [-0.5]) == 1.0
    assert repeated_p([], []) == 1.0


@pytest.mark.parametrize("alpha", [0.0, 1e-300, 1e-17])
def test_an_error_too_small_for_numbers_decides_nothing(alpha: float) -> None:
    assert boundaries([Look(0.5, 0.5), Look(1.0, 1.0)], alpha) == (math.inf, math.inf)
