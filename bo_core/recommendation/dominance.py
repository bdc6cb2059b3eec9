"""Which of many points are beaten by no other one, in one set of values or in many samples; more is better."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

# So many points are compared with a front at once.
_AT_ONCE = 1024


def shares_on_front(values: Sequence[Tensor], counts: Tensor, rows: Iterable[int]) -> list[float]:
    """Return the share of samples in which a point counts and no other one that counts dominates it.

    `values` [n, S] are those of each objective, and `counts` [n, S] is whether a point counts in a sample; `rows` are
    the points that are asked for.
    """
    shares: list[float] = []
    for row in rows:
        as_good, better = counts.clone(), torch.zeros_like(counts)
        for value in values:
            as_good &= value >= value[row]
            better |= value > value[row]
        beaten = (as_good & better).any(0)
        shares.append(float((counts[row] & ~beaten).double().mean()))
    return shares


def on_front(values: Sequence[Tensor], counts: Tensor) -> list[int]:
    """Return which of the points that count [n] no other one of these dominates, given `values` [n] by objective."""
    rows = counts.nonzero().flatten().tolist()
    shares = shares_on_front([value.unsqueeze(1) for value in values], counts.unsqueeze(1), rows)
    return [row for row, share in zip(rows, shares, strict=True) if share == 1.0]


def excess(values: Sequence[Tensor], means: Sequence[Tensor], front: Sequence[int]) -> Tensor:
    """Return by how much points of `values` [n] exceed a front [n]: below 0, by how much they fall short of it.

    It is the least amount by which one objective exceeds that of the point of the front that comes closest to
    dominating it. The front consists of these rows of `means` [n].
    """
    ends = [mean[list(front)] for mean in means]
    parts = zip(*(value.split(_AT_ONCE) for value in values), strict=True)
    return torch.cat([_excess(part, ends) for part in parts])


def _excess(values: Sequence[Tensor], ends: Sequence[Tensor]) -> Tensor:
    ahead = torch.stack([value.unsqueeze(1) - end for value, end in zip(values, ends, strict=True)])
    return ahead.amax(0).amin(1)
