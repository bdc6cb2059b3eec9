"""Find the candidate with the highest acquisition value in a space of mixed parameter kinds.

Continua are climbed by gradients from many starts, with whole numbers and ordered choices relaxed. Then each start is
rounded. From there, steps of single discrete parameters alternate with climbs of the continua, so the value that
decides is always that of a point which can be tried.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from overnight.bo_core.data.encoding import Encoding, PointKey, key_of
from overnight.bo_core.numerics.tensor_of import tensor_of
from overnight.bo_core.search.bfgs import Array, Stopping, minimize
from overnight.bo_core.search.even import even_features
from overnight.bo_core.search.exchanges import best_exchanges
from overnight.bo_core.search.fenced import Wall, pulled_inside
from overnight.bo_core.search.surface import Surface
from overnight.campaign.errors import SpaceExhausted
from overnight.campaign.space import Point

MOST_ENUMERATED = 4096
POLISHED = 4
_MOST_MOVES = 30
_SHARE_NEAR_THE_BEST = 4
_WALLS = (Wall(height=0.03, bend=0.03), Wall(height=1e-3, bend=1e-5))
# In nats of the acquisition; more precision does not make a batch better.
_STOPPING = Stopping(gradient=1e-3, progress=1e-3, give_up=0.1)


@dataclass(frozen=True)
class Effort:
    """The effort of a search: the starts of the climbs, the points from which they are picked, and the most steps.

    Walks by single steps are computed `walks_at_once`. More at once are faster, but rounded differently.
    """

    restarts: int
    raw_points: int
    walks_at_once: int = 1
    steps: int = 100


def starting_points(encoding: Encoding, effort: Effort, near: Tensor, seed: int) -> Tensor:
    """Return features [b, d] to pick starts from: some spread evenly, some near the given ones [m, d]."""
    spread = even_features(encoding, effort.raw_points, seed)
    count = effort.raw_points // _SHARE_NEAR_THE_BEST if len(near) else 0
    return torch.cat([spread, _nudged(encoding, near[torch.arange(count) % max(len(near), 1)], seed)])


def search(
    encoding: Encoding, surface: Surface, pool: Tensor, taken: Collection[PointKey], effort: Effort, seed: int
) -> tuple[Point, float]:
    """Return the point of highest value that is not taken, and its value; climbs start from features `pool` [b, d].

    A small finite space is searched exhaustively. Raises SpaceExhausted if every point of a finite space is taken.
    """
    size = encoding.size()
    if size is not None and size <= MOST_ENUMERATED:
        return _best_of_all(encoding, surface, taken)
    values = surface.screen(pool)
    starts = _pick(values, effort.restarts, torch.Generator().manual_seed(seed))
    frozen, everywhere = _frozen(encoding), encoding.mask_of("continuous")
    # Relaxed values decide nothing until they are rounded, so relaxed climbs must not give up in favour of each other.
    relaxed = not bool((frozen | everywhere).all())
    stopping = replace(_STOPPING, give_up=None) if relaxed else _STOPPING
    climbed, reached = _climb_inside(encoding, surface, pool[starts], frozen, stopping, effort.steps)
    if bool(everywhere.all()) and encoding.region is None:
        # Nothing was rounded, so the best end is the result unless it is taken.
        best = int(reached.argmax())
        point = encoding.decode(climbed[best])
        if point is not None and key_of(point) not in taken:
            return point, float(reached[best])
    ends = _distinct(_decoded(encoding, torch.cat([climbed, pool[values.argmax()].unsqueeze(0)])))
    ends = [point for point in ends if key_of(point) not in taken]
    if not ends:
        order = values.argsort(descending=True)
        ends = [point for point in _decoded(encoding, pool[order]) if key_of(point) not in taken][:1]
    if not ends:
        raise SpaceExhausted(_exhausted(taken))
    if bool(everywhere.all()):
        return _best(ends, surface.value(encoding.encode(ends)))
    return _polish(encoding, surface, ends, taken, effort.walks_at_once)


def climbed_ends(encoding: Encoding, surface: Surface, pool: Tensor, effort: Effort, seed: int) -> Tensor:
    """Return the ends [b, d] of climbs of continua from the most promising points of `pool` [p, d]."""
    starts = _pick(surface.screen(pool), effort.restarts, torch.Generator().manual_seed(seed))
    ends, _ = _climb_inside(encoding, surface, pool[starts], _frozen(encoding), _STOPPING, effort.steps)
    return encoding.allowed(encoding.snap(ends))


def _climb_inside(
    encoding: Encoding,
    surface: Surface,
    X: Tensor,
    frozen: Tensor,
    stopping: Stopping,
    steps: int = 100,
    walls: Sequence[Wall] = _WALLS,
) -> tuple[Tensor, Tensor]:
    """Return what `_climb` returns, for climbs that stay in the allowed part of the space.

    There they follow walls that are gentle first and steep in the end: along a steep one, most steps are short.
    """
    if encoding.region is None:
        return _climb(surface, X, frozen, stopping, steps)
    region, start = encoding.region, X
    *gentler, last = walls if region.is_limited else walls[-1:]
    for wall in gentler:
        start, _ = _climb(wall.over(surface, region), start, frozen, stopping, steps)
    ends, values = _climb(last.over(surface, region), start, frozen, stopping, steps)
    return pulled_inside(region, X, ends), values


def _frozen(encoding: Encoding) -> Tensor:
    """Return a mask [d] of the features that no climb moves: categories, and other steps that decide about others."""
    frozen = encoding.mask_of("in steps")
    for name in set() if encoding.region is None else encoding.region.deciding():
        if name in encoding.columns:
            frozen[encoding.slices[name]] |= ~encoding.mask_of("continuous")[encoding.slices[name]]
    return frozen


def _decoded(encoding: Encoding, X: Tensor) -> list[Point]:
    """Return the points at features X [b, d], without those that are not allowed."""
    return [point for point in map(encoding.decode, X) if point is not None]


def _best_of_all(encoding: Encoding, surface: Surface, taken: Collection[PointKey]) -> tuple[Point, float]:
    points = [point for point in encoding.every_point() if key_of(point) not in taken]
    if not points:
        raise SpaceExhausted(_exhausted(taken))
    return _best(points, surface.value(encoding.encode(points)))


def _exhausted(taken: Collection[PointKey]) -> str:
    return (
        f"Every point of the space has been tried or is being tried ({len(taken)} of them). Widen the space or "
        "lower `budget.trials`."
    )


def _nudged(encoding: Encoding, X: Tensor, seed: int) -> Tensor:
    """Return points near others X [b, d]: some features of each moved by a random amount on a random scale."""
    generator = torch.Generator().manual_seed(seed)
    scale = 10.0 ** (-2.5 + 1.8 * torch.rand(len(X), 1, generator=generator, dtype=torch.float64))
    # An indicator must move by 1 for another choice to become the largest.
    scale = torch.where(encoding.mask_of("in steps"), 1.0, scale)
    moved = torch.rand(X.shape, generator=generator, dtype=torch.float64) < max(0.3, 5.0 / max(encoding.d, 1))
    step = torch.randn(X.shape, generator=generator, dtype=torch.float64) * scale * moved
    return encoding.allowed(encoding.snap((X + step).clamp(0.0, 1.0)))


def _pick(values: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return half of the starts by their value, and the others at random with better ones more likely."""
    count = min(count, len(values))
    order = values.argsort(descending=True)
    best, rest = order[: (count + 1) // 2], order[(count + 1) // 2 :]
    if count == len(best):
        return best
    standard = (values[rest] - values.max()) / values.std().clamp(min=1e-12)
    weights = standard.clamp(min=-50.0).exp()
    chosen = torch.multinomial(weights, count - len(best), generator=generator)
    return torch.cat([best, rest[chosen]])


def _climb(surface: Surface, X: Tensor, frozen: Tensor, stopping: Stopping, steps: int = 100) -> tuple[Tensor, Tensor]:
    """Return the ends [b, d] of climbs by gradient and their values [b]; frozen features [d] stay at their starts."""
    free = ~frozen.numpy()
    if not free.any():
        return X, surface.value(X)
    start = X.numpy()

    def negative(x: Array, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        full = x
        if not free.all():
            full = start[rows]
            full[:, free] = x
        value, gradient = surface.value_and_gradient(tensor_of(full))
        return -value.numpy(), -gradient.numpy()[:, free]

    metric = surface.scales.numpy()[free]
    low, high = np.zeros(1), np.ones(1)
    end = minimize(negative, start[:, free], low, high, max_rounds=steps, stopping=stopping, metric=metric)
    climbed = X.clone()
    climbed[:, tensor_of(free)] = tensor_of(end.x)
    return climbed, tensor_of(-end.value)


def _polish(
    encoding: Encoding, surface: Surface, points: list[Point], taken: Collection[PointKey], at_once: int
) -> tuple[Point, float]:
    """Return the best point within reach of single steps of discrete parameters and climbs of the continua."""
    values = surface.value(encoding.encode(points))
    order = values.argsort(descending=True)[:POLISHED].tolist()
    starts = [(points[i], float(values[i])) for i in order]
    groups = [starts[i : i + at_once] for i in range(0, len(starts), at_once)]
    ends = [end for group in groups for end in _walk(encoding, surface, group, taken)]
    return max(ends, key=lambda end: end[1])


def _walk(
    encoding: Encoding, surface: Surface, starts: list[tuple[Point, float]], taken: Collection[PointKey]
) -> list[tuple[Point, float]]:
    """Return the ends of walks from points with their values, and the values there."""
    ends, going = list(starts), list(range(len(starts)))
    for _ in range(_MOST_MOVES):
        steps = _steps(encoding, surface, [ends[i][0] for i in going], taken)
        every = [step for of_one in steps for step in of_one]
        if not every:
            break
        values = surface.value(encoding.encode(every)).split([len(of_one) for of_one in steps])
        found = {i: _best(*both) for i, both in zip(going, zip(steps, values, strict=True), strict=True) if both[0]}
        going = [i for i, (_, value) in found.items() if value > ends[i][1] + 1e-9]
        for i in going:
            ends[i] = found[i]
    return ends


def _steps(encoding: Encoding, surface: Surface, points: list[Point], taken: Collection[PointKey]) -> list[list[Point]]:
    """Return for each point its neighbours and the end of a climb of its continua, without those that are taken."""
    steps, discrete = [encoding.neighbours(point) for point in points], ~encoding.mask_of("continuous")
    if encoding.region is not None:
        exchanges = [best_exchanges(encoding, surface, point) for point in points]
        steps = [[*of_one, *more] for of_one, more in zip(steps, exchanges, strict=True)]
    if points and not bool(discrete.all()):
        # A point that is behind may still win by its next step.
        stopping = replace(_STOPPING, give_up=None)
        climbed, _ = _climb_inside(encoding, surface, encoding.encode(points), discrete, stopping, walls=_WALLS[-1:])
        steps = [[*of_one, *_decoded(encoding, x.unsqueeze(0))] for of_one, x in zip(steps, climbed, strict=True)]
    return [[step for step in of_one if key_of(step) not in taken] for of_one in steps]


def _best(points: list[Point], values: Tensor) -> tuple[Point, float]:
    best = int(values.argmax())
    return points[best], float(values[best])


def _distinct(points: list[Point]) -> list[Point]:
    return [point for i, point in enumerate(points) if point not in points[:i]]
