"""The space that a front leaves undominated above a reference, as disjoint boxes, for two and three objectives.

With two objectives, the boxes are strips between neighbours on the front. With three, a sweep along the third objective
opens and closes such strips (Yang, Emmerich, Deutz and Bäck 2019, Efficient computation of expected hypervolume
improvement using box decomposition algorithms): a front of n points has at most 2n + 1 boxes. All draws are cut at
once; those of smaller fronts get empty boxes as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Boxes:
    """K boxes in each draw: the ends `lows` and `highs` [M, 1, S, K] of each objective, and which are `empty`.

    None as `highs` of an objective means that no box ends there.
    """

    lows: tuple[Tensor, ...]
    highs: tuple[Tensor | None, ...]
    empty: Tensor


def undominated(values: Sequence[Tensor], counts: Tensor, reference: Sequence[Tensor]) -> Boxes:
    """Return the boxes above a `reference` [M, 1, S] that no point dominates; more is better in each objective.

    `values` [M, r, S] are those of each objective, and a point `counts` [M, r, S] in some draws only.
    """
    columns = [column.squeeze(1).unsqueeze(2) for column in reference]
    points = [value.mT for value in values]
    inside = counts.mT
    for value, worst in zip(points, columns, strict=True):
        inside = inside & (value > worst)
    points = [torch.where(inside, value, worst) for value, worst in zip(points, columns, strict=True)]
    return (_strips if len(points) == 2 else _swept)(points, inside, columns)


def on_front(points: Sequence[Tensor], counts: Tensor) -> Tensor:
    """Return which points [..., n] no other one dominates, one of equal ones only; those that do not count are not.

    `points` are the values [..., n] of each objective.
    """
    if len(points) == 2:
        return _on_front_of_two(points[0], points[1], counts)
    better = counts.unsqueeze(-2)
    same = torch.ones_like(better)
    for value in points:
        mine, other = value.unsqueeze(-1), value.unsqueeze(-2)
        better, same = better & (other >= mine), same & (other == mine)
    n = counts.shape[-1]
    earlier = torch.ones(n, n, dtype=torch.bool, device=counts.device).tril(-1)
    return counts & ~(better & (~same | earlier)).any(-1)


def _on_front_of_two(first: Tensor, second: Tensor, counts: Tensor) -> Tensor:
    """Return the same for two objectives, by sorting: each point must be higher than all that lie further right."""
    shown = second.masked_fill(~counts, -torch.inf)
    # Of points at the same place along the first objective, the highest comes first.
    by_second = shown.argsort(dim=-1, descending=True, stable=True)
    right = first.masked_fill(~counts, -torch.inf).gather(-1, by_second).argsort(dim=-1, descending=True, stable=True)
    order = by_second.gather(-1, right)
    height = shown.gather(-1, order)
    before = torch.cat([torch.full_like(height[..., :1], -torch.inf), height.cummax(-1).values[..., :-1]], -1)
    return torch.zeros_like(counts).scatter(-1, order, height > before)


def _strips(points: Sequence[Tensor], inside: Tensor, reference: Sequence[Tensor]) -> Boxes:
    """Return the strips between neighbours on the fronts of points [M, S, n], for a reference [M, S, 1]."""
    (first, second), _ = _front_first(points, inside, reference, by=0)
    right = torch.cat([torch.full_like(reference[0], torch.inf), first], 2)
    left, bottom = torch.cat([first, reference[0]], 2), torch.cat([reference[1], second], 2)
    low, high, floor = (edge.unsqueeze(1) for edge in (left, right, bottom))
    return Boxes((low, floor), (high, None), low >= high)


def _swept(points: Sequence[Tensor], inside: Tensor, reference: Sequence[Tensor]) -> Boxes:
    """Return the boxes of a sweep along the third objective, from the best value to the reference [M, S, 1].

    At the level of each point two strips begin: the one above it, and what remains of the strip that it cuts, to its
    right. A strip ends at the level of the next point that covers some of it. Of equal values, the one of the point
    that comes first counts as the larger one.
    """
    (x, y, z), n = _front_first(points, inside, reference, by=2)
    (least, lowest, last), far = reference, torch.full_like(reference[0], torch.inf)
    # Of each pair [..., j, i], whether the sweep meets i before j.
    earlier = torch.ones(n, n, dtype=torch.bool, device=x.device).tril(-1)
    mine, others = (x.unsqueeze(3), y.unsqueeze(3)), (x.unsqueeze(2), y.unsqueeze(2))
    left = _largest(others[0], earlier & (others[1] >= mine[1]), least)
    to_the_right = earlier & (others[0] >= mine[0])
    floor = _largest(others[1], to_the_right, lowest)
    right = _largest(others[0], to_the_right & (others[1] >= floor.unsqueeze(3)), least)
    right = torch.where(to_the_right.any(3), right, torch.inf)
    a, b = torch.cat([least, left, x], 2), torch.cat([lowest, y, floor], 2)
    ends, top = torch.cat([far, x, right], 2), torch.cat([far, z, z], 2)
    born = torch.arange(-1, n, device=x.device)
    later = torch.cat([born, born[1:]]).unsqueeze(1) < torch.arange(n, device=x.device)
    covers = later & (others[0] > a.unsqueeze(3)) & (others[1] > b.unsqueeze(3))
    bottom = _largest(z.unsqueeze(2), covers, last)
    return _without_empty(a, ends, b, bottom, top)


def _without_empty(a: Tensor, ends: Tensor, b: Tensor, bottom: Tensor, top: Tensor) -> Boxes:
    """Return boxes [M, S, K] without most of the empty ones, which come last in each draw."""
    empty = (a >= ends) | (bottom >= top)
    order = empty.to(torch.uint8).argsort(dim=2, stable=True)[..., : int((~empty).sum(2).max())]
    a, ends, b, bottom, top, empty = (each.gather(2, order).unsqueeze(1) for each in (a, ends, b, bottom, top, empty))
    return Boxes((a, b, bottom), (ends, None, top), empty)


def _front_first(
    points: Sequence[Tensor], inside: Tensor, reference: Sequence[Tensor], *, by: int
) -> tuple[list[Tensor], int]:
    """Return the points of the fronts, best in one objective first, and how many there are at most in a draw.

    Smaller fronts are followed by the reference.
    """
    kept = on_front(points, inside)
    shown = [torch.where(kept, value, worst) for value, worst in zip(points, reference, strict=True)]
    n = int(kept.sum(2).max())
    order = shown[by].argsort(dim=2, descending=True, stable=True)[..., :n]
    return [value.gather(2, order) for value in shown], n


def _largest(values: Tensor, among: Tensor, least: Tensor) -> Tensor:
    """Return the largest of values [M, S, ..., n] for which `among` holds, `least` [M, S, 1] without any."""
    shown = torch.where(among, values, -torch.inf)
    return torch.maximum(least, shown.amax(3)) if shown.shape[3] else least.expand(shown.shape[:3])
