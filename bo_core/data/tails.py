"""Transformations that draw bad outcomes together, because differences between undesirable outcomes mean little."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

SMALLEST_SPREAD = 1e-12
_LEAST_FOR_TAIL = 5
_HEAVY, _KEPT = 4.0, 2.0
_QUARTILE_OF_NORMAL = 0.6745
# The fewest outcomes in full that have a spread, the widths in such spreads, and the gain in nats that one needs.
_FEWEST_IN_FULL, _WIDTHS, _LEAST_GAIN = 3, (1.0, 0.25, 1.0 / 16.0, 1.0 / 64.0), 10.0


@dataclass(frozen=True)
class Tail:
    """The outcomes so bad that only that matters: below `floor` they are drawn together over `width`."""

    floor: float
    width: float

    def compress(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return y [n] with values below the floor on a logarithmic scale, and the slopes [n] there, 1 above it."""
        below = ((self.floor - y) / self.width).clamp(min=0.0)
        log = torch.log1p(below)
        if bool(below.isinf().any()):
            log = torch.where(below.isinf(), (self.floor - y).log() - math.log(self.width), log)
        return torch.maximum(y, y.new_tensor(self.floor)) - self.width * log, 1.0 / (1.0 + below)

    def expand(self, y: float) -> float:
        """Return the outcome that was compressed to y."""
        below = max(self.floor - y, 0.0) / self.width
        return max(y, self.floor) - self.width * math.expm1(min(below, 500.0))

    def times(self, factor: float) -> "Tail":
        """Return the tail for a spread this many times as large: it begins further out and is drawn together less."""
        return Tail(self.floor - _KEPT * (factor - 1.0) * self.width, factor * self.width)


def heavy_tail(y: Tensor) -> Tail | None:
    """Return the tail of outcomes [n] to maximize if it lies further from the median than the better half suggests.

    Only the better half measures the spread. In normal noise, a tail is found in a few percent of large samples and in
    a quarter of the smallest ones, where the quartile is rough; the better half is never changed.
    """
    if len(y) < _LEAST_FOR_TAIL:
        return None
    median = float(y.quantile(0.5))
    spread = (float(y.quantile(0.75)) - median) / _QUARTILE_OF_NORMAL
    if not math.isfinite(spread) or spread <= SMALLEST_SPREAD * abs(median) or spread < 1e-290:
        return None
    if float(y.min()) >= median - _HEAVY * spread:
        return None
    return Tail(floor=median - _KEPT * spread, width=spread)


def evening_tail(y: Tensor, missing: Sequence[float]) -> Tail | None:
    """Return the tail with which outcomes [n] to maximize are spread most evenly; None if they are as even without.

    It begins at the best outcome in full. With a narrow width, the differences to it count by their ratios, like losses
    that fall by factors while a network learns. The width is the one of highest likelihood if outcomes at each fidelity
    are normal, with a mean of their own and a common variance (Box and Cox 1964). How much of the full fidelity each
    outcome lacks is `missing`.
    """
    full = y[[i for i, each in enumerate(missing) if each == min(missing)]]
    if len(full) < _FEWEST_IN_FULL:
        return None
    best, spread = float(full.max()), float(full.std())
    if not math.isfinite(spread) or spread <= SMALLEST_SPREAD * max(abs(best), 1e-290):
        return None
    levels = _levels(missing)
    tails = [Tail(best, share * spread) for share in _WIDTHS]
    likelihoods = [_evenness(*tail.compress(y), levels) for tail in tails]
    highest = max(range(len(tails)), key=lambda i: likelihoods[i])
    plain = _evenness(y, torch.ones_like(y), levels)
    return tails[highest] if likelihoods[highest] > plain + _LEAST_GAIN else None


def _levels(missing: Sequence[float]) -> list[list[int]]:
    """Return the rows of the outcomes at each fidelity."""
    found = dict[float, list[int]]()
    for row, each in enumerate(missing):
        found.setdefault(each, []).append(row)
    return list(found.values())


def _evenness(y: Tensor, slopes: Tensor, levels: Sequence[Sequence[int]]) -> float:
    """Return the highest log likelihood of outcomes y [n] that were transformed with these slopes [n].

    Those at each of the `levels` are normal with a mean of their own and a common variance. Constants are left out.
    """
    within = [y[list(rows)] - y[list(rows)].mean() for rows in levels]
    squares, freedom = sum(float(each.square().sum()) for each in within), len(y) - len(levels)
    if freedom <= 0 or not 0.0 < squares < math.inf:
        return -math.inf
    return float(slopes.log().sum()) - 0.5 * len(y) * math.log(squares / freedom)
