"""Fronts and hypervolumes, compared with brute force, Monte Carlo and shapes whose volume is known."""

import itertools
import math
import random
import sys

import pytest

from overnight.campaign import Goal, Measurement, Objective
from overnight.campaign.goal.constraint import read_constraint
from overnight.campaign.goal.front import added, dominates, hypervolume, inferred_worst, most_balanced, on_front

SIZE = Objective(metric="size", direction="minimize", worst=10)
SPEED = Objective(metric="speed", direction="maximize")


class Tried:
    def __init__(self, **means):
        self.measured = {name: Measurement(mean=mean) for name, mean in means.items()}


def cloud(count, objectives, seed, *, steps=None):
    draw = random.Random(seed)
    one = (lambda: float(draw.randrange(steps))) if steps else draw.random
    return [tuple(one() for _ in range(objectives)) for _ in range(count)]


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_a_point_is_on_the_front_unless_another_one_is_at_least_as_good_in_all_objectives_and_better_in_one(objectives):
    points = cloud(60, objectives, seed=objectives, steps=6)
    for point, kept in zip(points, on_front(points), strict=True):
        as_good = [other for other in points if all(x >= y for x, y in zip(other, point, strict=True))]
        assert kept == (set(as_good) == {point})


def test_equal_points_are_on_the_front_together_and_no_point_dominates_itself():
    assert on_front([(1.0, 2.0), (1.0, 2.0), (0.0, 2.0)]) == [True, True, False]
    assert not dominates((1.0, 2.0), (1.0, 2.0))


@pytest.mark.parametrize("objectives", [2, 3, 4, 5])
def test_the_hypervolume_is_that_of_all_cells_of_a_grid_that_a_point_dominates(objectives):
    points = cloud(12, objectives, seed=7 + objectives, steps=4)
    cells = itertools.product(range(4), repeat=objectives)
    covered = sum(any(all(x > c for x, c in zip(point, cell, strict=True)) for point in points) for cell in cells)
    assert hypervolume(points, (0.0,) * objectives) == covered


def test_the_hypervolume_of_many_points_on_a_quarter_of_a_circle_comes_close_to_its_area():
    angles = [math.pi / 2 * i / 2000 for i in range(2001)]
    points = [(math.cos(angle), math.sin(angle)) for angle in angles]
    assert hypervolume(points, (0.0, 0.0)) == pytest.approx(math.pi / 4, abs=1e-3)


@pytest.mark.parametrize("objectives", [2, 3, 4, 5, 6])
def test_a_point_adds_the_difference_of_the_hypervolumes_with_it_and_without_it(objectives):
    *others, point = cloud(15, objectives, seed=objectives)
    worst = (0.1,) * objectives
    gained = hypervolume([*others, point], worst) - hypervolume(others, worst)
    assert added(point, others, worst) == pytest.approx(gained, abs=1e-12)
    assert added(others[0], others, worst) == pytest.approx(0, abs=1e-12)


def test_the_hypervolume_so_far_is_that_of_all_feasible_trials_up_to_each():
    goal = Goal((SIZE, SPEED), (read_constraint("heat <= 5"),))
    draw = random.Random(3)
    trials = [Tried(size=draw.uniform(0, 12), speed=draw.uniform(0, 9), heat=draw.uniform(0, 8)) for _ in range(40)]
    expected = [goal.hypervolume(trials[: i + 1], (-10.0, 1.0)) for i in range(len(trials))]
    assert list(goal.hypervolume_so_far(trials, (-10.0, 1.0))) == pytest.approx(expected)


def test_a_point_that_is_not_better_than_the_reference_in_every_objective_adds_nothing():
    assert hypervolume([(5.0, 0.0), (0.0, 5.0), (-1.0, 9.0)], (0.0, 0.0)) == 0.0
    assert hypervolume([], (0.0, 0.0)) == 0.0


def test_an_inferred_reference_lies_a_tenth_of_the_range_beyond_the_worst_values_of_the_front():
    assert inferred_worst([(0.0, 30.0), (10.0, 20.0)]) == (-1.0, 19.0)


@pytest.mark.parametrize("value", [0.0, -3.0, 1e9, 1e-300, -1e300])
def test_a_front_without_a_range_is_still_better_than_the_inferred_reference(value):
    [worst] = inferred_worst([(value,)])
    assert math.isfinite(worst)
    assert worst < value


def test_a_goal_uses_the_worst_values_that_were_given_and_infers_the_others():
    goal = Goal((SIZE, SPEED))
    front = [goal.turned(trial.measured) for trial in (Tried(size=4, speed=30), Tried(size=2, speed=20))]
    assert goal.worst(front) == (-10.0, 19.0)
    assert Goal((SIZE, SIZE)).worst([]) == (-10.0, -10.0)


def test_only_feasible_results_with_every_objective_are_on_the_front_of_a_goal():
    goal = Goal((SIZE, SPEED), (read_constraint("heat <= 5"),))
    small, fast = Tried(size=1, speed=5, heat=1), Tried(size=5, speed=50, heat=5)
    hot, poor, partial = Tried(size=1, speed=99, heat=6), Tried(size=6, speed=49, heat=0), Tried(size=0, heat=0)
    trials = [hot, small, poor, partial, fast]
    assert goal.front(trials) == [small, fast]
    assert [trial for trial in trials if goal.unbeaten(trial, trials)] == [small, fast]
    assert goal.hypervolume([hot, small, poor, partial, fast], (-10.0, 0.0)) == (9 * 5) + (5 * 45)


def test_a_front_of_one_point_has_the_range_of_all_points():
    assert inferred_worst([(10.0, 5.0)], [(8.0, 5.0), (4.0, 1.0)]) == (pytest.approx(9.4), pytest.approx(4.6))
    assert inferred_worst([(10.0, 5.0), (9.0, 6.0)], [(0.0, 0.0)]) == (pytest.approx(8.9), pytest.approx(4.9))


@pytest.mark.parametrize("objectives", [2, 3, 5])
@pytest.mark.parametrize("unit", [1.0, 1e9, 1e-300, 1e200])
def test_the_most_balanced_point_by_itself_dominates_the_largest_hypervolume(objectives, unit):
    points, worst = cloud(30, objectives, seed=objectives), (0.05,) * objectives
    volumes = [hypervolume([point], worst) for point in points]
    # Each objective in a unit of its own, one of them vast or tiny.
    scaled = [(unit * first, *rest) for first, *rest in points]
    assert most_balanced(scaled, (unit * worst[0], *worst[1:])) == volumes.index(max(volumes))


def test_if_no_point_is_better_than_the_reference_in_all_objectives_the_most_balanced_falls_short_the_least():
    assert most_balanced([(9.0, -2.0), (9.0, -1.0), (-1.0, -1.0)], (0.0, 0.0)) == 1
    assert most_balanced([(-1.0, -1.0), (-1.0, -1.0)], (0.0, 0.0)) == 0


def test_a_front_as_wide_as_floats_go_has_a_finite_reference_and_a_most_balanced_point():
    most = sys.float_info.max
    front = [(-most, most), (most, -most), (0.0, 0.0)]
    assert inferred_worst(front) == (-most, -most)
    assert most_balanced(front, inferred_worst(front)) == 2
