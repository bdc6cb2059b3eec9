"""Problems have the optimum and the spread that are written down, and no optimum is in the middle."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from benchmarks.quality import problems
from benchmarks.quality.problems import BINARY25, CLIFF, LEVY4_OF_20, Problem
from benchmarks.quality.problems.synthetic import ACTIVE
from overnight.bo_core.data.encoding import Encoding

PROBLEMS = {name: found for name, found in vars(problems).items() if isinstance(found, Problem)}
ADDED = ["BOWL6", "CHOICES_AND_FLOATS", "CLIFF", "TREE_MODEL"]


def random_points(problem, count):
    encoding = Encoding(problem.space)
    return [encoding.point_at(u) for u in np.random.default_rng(0).random((count, encoding.k)).tolist()]


def least_found(problem):
    """Return the least value over all choices, with the numbers found by several local searches from random starts."""
    tuned = problem.space.tuned()
    listed = {name: p.listed for name, p in tuned.items() if p.listed}
    bounds = {name: p.bounds for name, p in tuned.items() if p.bounds}
    logarithmic = np.array([tuned[name].is_logarithmic for name in bounds])
    box = np.array(list(bounds.values()), dtype=float)
    box[logarithmic] = np.log(box[logarithmic])
    starts = box[:, 0] + (box[:, 1] - box[:, 0]) * np.random.default_rng(1).random((4, len(bounds)))

    def value(x, choices):
        numbers = np.where(logarithmic, np.exp(x), x)
        return problem.value({**dict(zip(listed, choices, strict=True)), **dict(zip(bounds, numbers, strict=True))})

    found = [
        minimize(
            value, start, args=(choices,), method="Nelder-Mead", bounds=box, options={"xatol": 1e-7, "fatol": 1e-9}
        )
        for choices in product(*listed.values())
        for start in starts
    ]
    return min(each.fun for each in found)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_the_value_at_the_optimum_is_the_minimum_and_no_random_point_is_better(problem):
    assert problem.space.point(problem.best) == problem.best
    assert problem.value(problem.best) == pytest.approx(problem.minimum, abs=1e-5)
    others = [point for point in random_points(problem, 2000) if problem.feasible(point)]
    assert min((problem.value(point) for point in others), default=math.inf) >= problem.minimum


@pytest.mark.slow
@pytest.mark.parametrize("name", ADDED)
def test_a_search_of_all_choices_and_numbers_finds_the_optimum_and_nothing_better(name):
    assert least_found(PROBLEMS[name]) == pytest.approx(PROBLEMS[name].minimum, abs=1e-4)


def test_no_setting_of_the_binary_chain_is_better_than_the_optimum():
    # Dynamic programming over the bits so far, one least value for each state of the last.
    base = dict.fromkeys(BINARY25.parameters, False)
    alone = [BINARY25.value({**base, f"b{i}": True}) for i in range(25)]
    both = [BINARY25.value({**base, f"b{i}": True, f"b{i + 1}": True}) - sum(alone[i : i + 2]) for i in range(24)]
    least = [0.0, alone[0]]
    for weight, together in zip(alone[1:], both, strict=True):
        least = [min(least), weight + min(least[0], least[1] + together)]
    assert min(least) == pytest.approx(BINARY25.minimum, abs=1e-9)


def test_idle_parameters_have_no_effect_and_active_ones_have():
    point, rng = dict(LEVY4_OF_20.best), np.random.default_rng(0)
    for i, (name, parameter) in enumerate(LEVY4_OF_20.space.items()):
        moved = LEVY4_OF_20.regret({**point, name: rng.uniform(*parameter.bounds)})
        assert (moved > 1e-6) == (i in ACTIVE)


def test_the_cliff_is_just_beyond_the_optimum():
    beyond = {**CLIFF.best, "x0": CLIFF.best["x0"] + 1e-6}
    assert CLIFF.regret(beyond) > 2 * CLIFF.spread
    assert CLIFF.regret({**CLIFF.best, "x0": CLIFF.best["x0"] - 1e-6}) < 1e-5


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_the_spread_written_down_is_the_functions_own(problem):
    values = [problem.value(point) for point in random_points(problem, 4000)]
    assert np.std(values) == pytest.approx(problem.spread, rel=0.1)


@pytest.mark.parametrize("name", ["ACKLEY8", "ACKLEY20", "LEVY10", "LEVY4_OF_20", "BOWL6", "CLIFF"])
def test_the_optimum_lies_inside_and_away_from_the_middle(name):
    place = np.array(PROBLEMS[name].place(PROBLEMS[name].best))
    assert np.all((np.abs(place - 0.5) > 0.05) & (np.abs(place - 0.5) < 0.25))


@pytest.mark.parametrize("name", ["CHOICES_AND_FLOATS", "TREE_MODEL"])
def test_no_number_of_a_mixed_optimum_is_in_the_middle_and_no_choice_is_always_the_first(name):
    problem = PROBLEMS[name]
    encoding = Encoding(problem.space)
    place = encoding.encode([problem.best])[0]
    numbers = place[~encoding.mask_of("in steps")].numpy()
    assert np.all(np.abs(numbers - 0.5) > 0.05)
    assert any(problem.best[name] != p.listed[0] for name, p in problem.space.tuned().items() if p.listed)
