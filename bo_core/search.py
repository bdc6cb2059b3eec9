"""Finds the candidate of highest acquisition value, in spaces that mix continua, whole numbers and choices.

Continua are climbed by gradients from many starts, with whole numbers and ordered choices relaxed; then each start is
rounded, and from there on steps of single discrete parameters alternate with climbs of the continua, so
that the value which decides is always that of a point which can be tried.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from bo_core.bfgs import minimize
from bo_core.encoding import Encoding, PointKey, key_of
from bo_core.quasi_random import uniform_draws
from campaign.errors import SpaceExhausted
from campaign.space import Point

ValueAndGradient = Callable[[Tensor], tuple[Tensor, Tensor]]

_MOST_ENUMERATED = 4096
_POLISHED = 4
_MOST_MOVES = 30
_SHARE_NEAR_THE_BEST = 4


@dataclass(frozen=True)
class Surface:
    """A function to climb: values [b], or values and gradients [b, d], at features [b, d]."""

    value: Callable[[Tensor], Tensor]
    value_and_gradient: ValueAndGradient


@dataclass(frozen=True)
class Effort:
    """How hard to search: starts of the climbs, and points from which they are picked."""

    restarts: int
    raw_points: int


def starting_points(encoding: Encoding, effort: Effort, near: list[Point], seed: int) -> list[Point]:
    """Return points to pick starts from: some spread evenly, some near the given ones; all of a small space."""
    size = encoding.size()
    if size is not None and size <= _MOST_ENUMERATED:
        return encoding.every_point()
    points = [encoding.point_at(row) for row in uniform_draws(encoding.k, effort.raw_points, seed).tolist()]
    generator = torch.Generator().manual_seed(seed)
    count = effort.raw_points // _SHARE_NEAR_THE_BEST if near else 0
    return points + [_nudged(encoding, near[i % len(near)], generator) for i in range(count)]


def search(
    encoding: Encoding, surface: Surface, pool: list[Point], taken: Collection[PointKey], effort: Effort, seed: int
) -> tuple[Point, float]:
    """Return the point of highest value that is not taken, and its value.

    Raises SpaceExhausted where every point of a finite space is taken.
    """
    pool = [point for point in pool if key_of(point) not in taken]
    if not pool:
        raise SpaceExhausted(
            f"Every point of the space has been tried or is being tried ({len(taken)} of them). Widen the space or "
            "lower `budget.trials`."
        )
    X = encoding.encode(pool)
    values = surface.value(X)
    if encoding.size() is not None and encoding.size() == len(pool) + len(taken):
        best = int(values.argmax())
        return pool[best], float(values[best])
    starts = _pick(values, effort.restarts, torch.Generator().manual_seed(seed))
    climbed = _climb(surface, X[starts], frozen=encoding.columns_that("categorical"))
    ends = _distinct([encoding.decode(x) for x in climbed] + [pool[int(values.argmax())]])
    ends = [point for point in ends if key_of(point) not in taken]
    return _polish(encoding, surface, ends, taken)


def _nudged(encoding: Encoding, point: Point, generator: torch.Generator) -> Point:
    """Return a point near another: some features moved by a random amount on a random scale."""
    x = encoding.encode([point])[0]
    scale = 10.0 ** (-2.5 + 1.8 * torch.rand(1, generator=generator, dtype=torch.float64))
    moved = torch.rand(encoding.d, generator=generator, dtype=torch.float64) < max(0.3, 5.0 / encoding.d)
    step = torch.randn(encoding.d, generator=generator, dtype=torch.float64) * scale * moved
    return encoding.decode((x + step).clamp(0.0, 1.0))


def _pick(values: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return half of the starts by their value, the others at random with better ones more likely."""
    count = min(count, len(values))
    order = values.argsort(descending=True)
    best, rest = order[: (count + 1) // 2], order[(count + 1) // 2 :]
    if count == len(best):
        return best
    standard = (values[rest] - values.max()) / values.std().clamp(min=1e-12)
    weights = standard.clamp(min=-50.0).exp().cpu()
    chosen = torch.multinomial(weights, count - len(best), generator=generator)
    return torch.cat([best, rest[chosen.to(rest.device)]])


def _climb(surface: Surface, X: Tensor, frozen: Tensor) -> Tensor:
    """Return where climbs by gradient end, with the frozen features [d] held at their starts."""
    free = ~frozen.to(X.device)
    if not bool(free.any()):
        return X

    def negative(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        full = X[rows].clone()
        full[:, free] = x
        value, gradient = surface.value_and_gradient(full)
        return -value, -gradient[:, free]

    low, high = X.new_zeros(1), X.new_ones(1)
    end = minimize(negative, X[:, free], low, high, max_steps=100, gradient_tolerance=1e-4, value_tolerance=1e-7)
    climbed = X.clone()
    climbed[:, free] = end.x
    return climbed


def _polish(
    encoding: Encoding, surface: Surface, points: list[Point], taken: Collection[PointKey]
) -> tuple[Point, float]:
    """Return the best point that single steps of discrete parameters and climbs of the continua reach."""
    values = surface.value(encoding.encode(points))
    order = values.argsort(descending=True)[:_POLISHED].tolist()
    best, best_value = points[order[0]], float(values[order[0]])
    if all(column.levels is None for column in encoding.columns.values()):
        return best, best_value
    for i in order:
        point, value = _walk(encoding, surface, points[i], float(values[i]), taken)
        if value > best_value:
            best, best_value = point, value
    return best, best_value


def _walk(
    encoding: Encoding, surface: Surface, point: Point, value: float, taken: Collection[PointKey]
) -> tuple[Point, float]:
    discrete = ~encoding.columns_that("continuous")
    for _ in range(_MOST_MOVES):
        steps = encoding.neighbours(point)
        if not bool(discrete.all()):
            X = _climb(surface, encoding.encode([point]), frozen=discrete)
            steps.append(encoding.decode(X[0]))
        steps = [step for step in steps if key_of(step) not in taken]
        if not steps:
            break
        values = surface.value(encoding.encode(steps))
        best = int(values.argmax())
        if float(values[best]) <= value + 1e-9:
            break
        point, value = steps[best], float(values[best])
    return point, value


def _distinct(points: list[Point]) -> list[Point]:
    return [point for i, point in enumerate(points) if point not in points[:i]]
