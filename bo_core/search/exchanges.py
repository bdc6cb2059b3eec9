"""Steps that change two discrete parameters at once, as exchanges at the edge of a constraint do."""

from itertools import combinations

import torch
from torch import Tensor

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.search.surface import Surface
from overnight.campaign import Point

# Of more pairs of steps than this, only those to the nearest values are tried; of more than so many of these, none.
_MOST_PAIRS = 4096
_TAKEN_OVER = 4


def best_exchanges(encoding: Encoding, surface: Surface, point: Point) -> list[Point]:
    """Return the few allowed points of highest value that differ from a point by one step of each of two parameters.

    Both parameters are discrete and limited by constraints. Without two such parameters there is no exchange.
    """
    if encoding.region is None or not encoding.region.is_limited:
        return []
    limited = encoding.region.limited()
    columns = {name: encoding.columns[name] for name in encoding.free if name in limited and name in point}
    steps = {name: column.neighbours(point[name]) for name, column in columns.items()}
    steps = {name: values for name, values in steps.items() if values}
    if _pairs(steps) > _MOST_PAIRS:
        steps = {name: values[:2] for name, values in steps.items()}
    if not 0 < _pairs(steps) <= _MOST_PAIRS:
        return []
    at = encoding.encode([point])[0]
    moved = {
        name: at.new_tensor([encoding.columns[name].features(value) for value in values])
        for name, values in steps.items()
    }
    X = torch.cat([_both(encoding, at, moved, one, other) for one, other in combinations(moved, 2)])
    X = encoding.allowed(encoding.region.settled(X))
    best = surface.value(X).argsort(descending=True)[:_TAKEN_OVER] if len(X) else []
    return [found for i in best if (found := encoding.decode(X[i])) is not None]


def _pairs(steps: dict[str, list[bool | int | float | str]]) -> int:
    counts = [len(values) for values in steps.values()]
    return sum(one * other for one, other in combinations(counts, 2))


def _both(encoding: Encoding, at: Tensor, moved: dict[str, Tensor], one: str, other: str) -> Tensor:
    """Return features [b, d] with every pair of steps of two parameters."""
    rows = torch.cartesian_prod(torch.arange(len(moved[one])), torch.arange(len(moved[other]))).reshape(-1, 2)
    X = at.repeat(len(rows), 1)
    X[:, encoding.slices[one]] = moved[one][rows[:, 0]]
    X[:, encoding.slices[other]] = moved[other][rows[:, 1]]
    return X
