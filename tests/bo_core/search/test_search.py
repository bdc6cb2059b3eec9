from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import torch
from told_campaigns import key
from torch import Tensor

from overnight.bo_core.data.encoding import Encoding, key_of
from overnight.bo_core.search.climb import Effort, search, starting_points
from overnight.bo_core.search.surface import Surface
from overnight.campaign import Point, Space
from overnight.campaign.errors import SpaceExhausted

EFFORT = Effort(restarts=4, raw_points=64)

DISCRETE = Encoding(
    Space.of(
        {
            "width": {"kind": "int", "low": 0, "high": 30},
            "depth": {"kind": "int", "low": 1, "high": 20},
            "batch": {"kind": "ordinal", "choices": [16, 32, 64, 128]},
            "method": {"kind": "categorical", "choices": ["adam", "sgd", "lion"]},
        }
    )
)
MIXED = Encoding(
    Space.of(
        {
            "rate": {"kind": "float", "low": 1e-4, "high": 0.1, "scale": "log"},
            "share": {"kind": "float", "low": 0.0, "high": 1.0},
            "depth": {"kind": "int", "low": 1, "high": 9},
            "method": {"kind": "categorical", "choices": ["adam", "sgd", "lion"]},
        }
    )
)


def surface_of(value: Callable[[Tensor], Tensor], scales: Tensor) -> Surface:
    def value_and_gradient(X: Tensor) -> tuple[Tensor, Tensor]:
        X = X.clone().requires_grad_()
        values = value(X)
        (gradient,) = torch.autograd.grad(values.sum(), X)
        return values.detach(), gradient

    return Surface(value, value_and_gradient, screen=value, scales=scales)


def valley(X: Tensor) -> Tensor:
    """A narrow ridge across the features, so that rounding a relaxed optimum rarely gives the best integer point."""
    along = X @ torch.linspace(1.0, 2.0, X.shape[1], dtype=torch.float64) - 2.3
    return -40.0 * along**2 - ((X - 0.37) ** 2).sum(1)


def found_in(
    encoding: Encoding, value: Callable[[Tensor], Tensor], taken: set, seed: int = 0, effort: Effort = EFFORT
) -> tuple[Point, float]:
    pool = starting_points(encoding, effort, encoding.encode([]), seed)
    return search(encoding, surface_of(value, torch.ones(encoding.d).double()), pool, taken, effort, seed)


@cache
def found_alone(encoding: Encoding, seed: int) -> tuple[Point, float]:
    """Return what walks find one after the other."""
    return found_in(encoding, valley, set(), seed)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("encoding", [DISCRETE, MIXED], ids=["discrete", "mixed"])
@pytest.mark.parametrize("at_once", [2, 3, 4, 9])
def test_walks_at_once_end_where_single_walks_end(encoding: Encoding, seed: int, at_once: int) -> None:
    point, value = found_alone(encoding, seed)
    together, value_together = found_in(encoding, valley, set(), seed, replace(EFFORT, walks_at_once=at_once))
    assert value_together == pytest.approx(value, abs=1e-9)
    torch.testing.assert_close(encoding.encode([together]), encoding.encode([point]), rtol=0.0, atol=1e-6)


def test_walks_at_once_find_no_point_that_is_taken() -> None:
    taken: set = set()
    for _ in range(12):
        point, _ = found_in(DISCRETE, valley, taken, effort=replace(EFFORT, walks_at_once=4))
        assert key_of(point) not in taken
        taken.add(key_of(point))


@pytest.mark.parametrize("seed", range(3))
def test_in_a_discrete_space_too_large_to_list_the_point_found_is_among_the_best_thousandth(seed: int) -> None:
    assert len(starting_points(DISCRETE, EFFORT, DISCRETE.encode([]), seed)) < (DISCRETE.size() or 0)
    point, value = found_in(DISCRETE, valley, set(), seed)
    assert float(valley(DISCRETE.encode([point]))) == pytest.approx(value)
    values = valley(DISCRETE.encode(DISCRETE.every_point()))
    assert int((values > value).sum()) <= len(values) // 1000
    assert value >= float(valley(DISCRETE.encode(DISCRETE.neighbours(point))).max())


@pytest.mark.parametrize("seed", range(3))
def test_in_a_mixed_space_no_single_step_and_no_climb_improves_on_the_point_found(seed: int) -> None:
    point, value = found_in(MIXED, valley, set(), seed)
    grid = [
        point | {"rate": 1e-4 * 1000 ** (i / 40), "share": j / 40, "method": m}
        for i in range(41)
        for j in range(41)
        for m in ("adam", "sgd", "lion")
    ]
    assert value >= float(valley(MIXED.encode(MIXED.neighbours(point))).max())
    assert value >= float(valley(MIXED.encode(grid)).max()) - 1e-4


def test_points_that_are_taken_are_never_found_however_good() -> None:
    def flat_but_for_a_hill(X: Tensor) -> Tensor:
        return -((X - DISCRETE.encode([{"width": 15, "depth": 10, "batch": 64, "method": "sgd"}])) ** 2).sum(1)

    taken: set = set()
    for _ in range(40):
        point, _ = found_in(DISCRETE, flat_but_for_a_hill, taken)
        assert key_of(point) not in taken
        taken.add(key_of(point))


def test_the_last_point_of_a_finite_space_is_found_and_then_none() -> None:
    small = Encoding(Space.of({"depth": {"kind": "int", "low": 1, "high": 9}}))
    taken = {key_of({"depth": i}) for i in range(1, 9)}
    assert found_in(small, valley, taken)[0] == {"depth": 9}
    with pytest.raises(SpaceExhausted, match="9 of them"):
        found_in(small, valley, taken | {key_of({"depth": 9})})


def test_starting_points_are_spread_and_near_and_lie_in_the_space() -> None:
    near = MIXED.encode([{"rate": 0.01, "share": 0.5, "depth": 5, "method": "lion"}])
    X = starting_points(MIXED, EFFORT, near, seed=1)
    assert X.shape == (64 + 16, MIXED.d)
    points = [MIXED.decode(x) for x in X]
    assert all(MIXED.space.point(point) == point for point in points)
    torch.testing.assert_close(MIXED.encode(points), X)
    assert len({key(point) for point in points[:64]}) == 64
    spread, close = ((part - near).norm(dim=1).median() for part in (X[:64], X[64:]))
    assert float(close) < 0.5 * float(spread)


def test_a_screen_that_is_rough_leaves_the_last_word_to_the_value() -> None:
    def rough(X: Tensor) -> Tensor:
        return valley(X) + torch.sin(40.0 * X.sum(1))

    exact = surface_of(valley, torch.ones(MIXED.d).double())
    pool = starting_points(MIXED, EFFORT, MIXED.encode([]), 0)
    point, value = search(MIXED, replace(exact, screen=rough), pool, set(), EFFORT, 0)
    assert value == pytest.approx(float(valley(MIXED.encode([point]))))
    assert value >= float(valley(pool).max())


def test_a_surface_without_any_slope_is_no_trouble() -> None:
    point, value = found_in(MIXED, lambda X: 0.0 * X.sum(1), set())
    assert value == 0.0
    assert MIXED.space.point(point) == point


def test_in_a_continuous_space_the_best_end_is_found_with_its_own_value_and_another_where_it_is_taken() -> None:
    encoding = Encoding(Space.of({f"x{j}": {"kind": "float", "low": 0.0, "high": 1.0} for j in range(2)}))

    def peaks(X: Tensor) -> Tensor:
        """Two peaks in corners, which climbs reach to the last bit."""
        return torch.logaddexp(-4.0 * X.sum(1), 1.0 - 4.0 * (1.0 - X).sum(1))

    best, value = found_in(encoding, peaks, set())
    assert best == {"x0": 1.0, "x1": 1.0}
    second, lower = found_in(encoding, peaks, {key_of(best)})
    assert second != best
    for point, found in ((best, value), (second, lower)):
        assert found == pytest.approx(float(peaks(encoding.encode([point]))[0]))


@pytest.mark.parametrize("seed", range(4))
def test_the_maximum_in_a_polytope_is_that_of_scipy(seed: int) -> None:
    draw = np.random.default_rng(seed)
    # The target lies outside of most of these half-spaces; the middle of the cube lies inside all of them.
    slopes, target = draw.normal(size=(4, 3)), draw.uniform(-0.5, 1.5, 3)
    bounds = slopes @ np.full(3, 0.5) + 0.1
    sums = [" + ".join(f"{weight!r} * x{j}" for j, weight in enumerate(row)) for row in slopes.tolist()]
    constraints = [f"{text} <= {bound!r}" for text, bound in zip(sums, bounds.tolist(), strict=True)]
    parameters = {f"x{j}": {"kind": "float", "low": 0.0, "high": 1.0} for j in range(3)}
    encoding = Encoding(Space.of(parameters, [text.replace("+ -", "- ") for text in constraints]))
    at = torch.from_numpy(target)

    def both(X: Tensor) -> tuple[Tensor, Tensor]:
        return -10.0 * (X - at).square().sum(1), -20.0 * (X - at)

    surface = Surface(lambda X: both(X)[0], both, lambda X: both(X)[0], torch.ones(3, dtype=torch.float64))
    effort = Effort(restarts=4, raw_points=64)
    pool = starting_points(encoding, effort, torch.empty(0, 3, dtype=torch.float64), seed)
    _, value = search(encoding, surface, pool, set(), effort, seed)
    limits = [{"type": "ineq", "fun": lambda x, a=a, b=b: b - a @ x} for a, b in zip(slopes, bounds, strict=True)]
    best = scipy.optimize.minimize(
        lambda x: 10.0 * ((x - target) ** 2).sum(), np.full(3, 0.5), bounds=[(0, 1)] * 3, constraints=limits
    )
    assert -0.01 < value + best.fun <= 1e-6


@pytest.mark.parametrize("derived", [False, True])
def test_a_knapsack_is_mostly_filled_as_well_as_by_trying_everything(derived: bool) -> None:
    gaps = [_gap_of_knapsack(seed, derived=derived) for seed in range(8)]
    assert sum(gap < 1e-9 for gap in gaps) >= 4
    assert max(gaps) < 0.15, "steps of single items alone lose 0.5"


def _gap_of_knapsack(seed: int, *, derived: bool) -> float:
    """Return how much worth is missed, if the best filling is worth about 10, of 6 items with 0 to 6 pieces.

    The capacity is that of a constraint, or the upper bound of a derived parameter.
    """
    draw = np.random.default_rng(seed)
    weights = draw.integers(1, 9, 6)
    capacity = int(0.4 * 6 * weights.sum())
    worths = torch.from_numpy(weights * draw.uniform(0.7, 1.3, 6) * 6 / capacity * 10)
    parameters: dict[str, Any] = {f"n{j}": {"kind": "int", "low": 0, "high": 6} for j in range(6)}
    total = " + ".join(f"{weight} * n{j}" for j, weight in enumerate(weights))
    half = {"kind": "derived", "value": f"0.5 * ({total})"}
    whole = {"kind": "derived", "value": "2 * half", "high": capacity}
    space = {**parameters, "whole": whole, "half": half}
    limited = Space.of(space) if derived else Space.of(parameters, [f"{total} <= {capacity}"])
    encoding = Encoding(limited)
    surface = Surface(
        lambda X: X @ worths,
        lambda X: (X @ worths, worths.expand(len(X), -1).clone()),
        lambda X: X @ worths,
        torch.ones(6, dtype=torch.float64),
    )
    effort = Effort(restarts=10, raw_points=512, walks_at_once=4)
    pool = starting_points(encoding, effort, torch.empty(0, 6, dtype=torch.float64), seed)
    _, value = search(encoding, surface, pool, set(), effort, seed)
    every = np.stack(np.meshgrid(*[np.arange(7)] * 6), -1).reshape(-1, 6)
    allowed = torch.from_numpy(every[every @ weights <= capacity]).double() / 6
    return float((allowed @ worths).max()) - value


@pytest.mark.parametrize("seed", range(8))
def test_pieces_that_add_up_are_shared_out_as_well_as_one_by_one(seed: int) -> None:
    """The last item follows from the others, and its number is nearly given: only exchanges keep it.

    For a sum of concave functions, the best is to give each piece to the item that gains most from it.
    """
    names, pieces = "abcdef", 200
    parameters = {name: {"kind": "int", "low": 0, "high": pieces} for name in names}
    encoding = Encoding(Space.of(parameters, [f"{' + '.join(names)} == {pieces}"]))
    draw = np.random.default_rng(seed)
    target, weights = torch.from_numpy(draw.dirichlet(np.ones(6))), torch.ones(6, dtype=torch.float64)
    weights[-1] = 1e4

    def value(X: Tensor) -> Tensor:
        return -(weights * (X - target) ** 2).sum(1)

    counts = torch.zeros(6, dtype=torch.float64)
    for _ in range(pieces):
        gains = weights * (((counts / pieces) - target) ** 2 - ((counts + 1) / pieces - target) ** 2)
        counts[gains.argmax()] += 1
    point, reached = found_in(encoding, value, set(), seed, Effort(restarts=2, raw_points=16))
    assert sum(float(point[name]) for name in names) == pieces
    assert reached == pytest.approx(float(value(counts.unsqueeze(0) / pieces)), abs=1e-9)


def test_only_constraints_on_discrete_parameters_ask_for_exchanges() -> None:
    whole = {name: {"kind": "int", "low": 0, "high": 24} for name in "abcd"}
    real = {name: {"kind": "float", "low": 0, "high": 24} for name in "xy"}

    def limited(*constraints: str) -> set[str]:
        region = Encoding(Space.of({**whole, **real}, constraints)).region
        assert region is not None
        return region.limited()

    assert limited("a + b + c == 10") == {"a", "b"}
    assert limited("a + b + c == 10", "a + c == 4 + d") == {"a", "b"}
    assert limited("a + b + x == 10") == set()
    assert limited("x + y == 10") == set()
    assert limited("x + y == 10", "a + x <= 3") == {"a", "x"}
