"""Turns measured metrics into standardised outcomes to maximize, and predictions back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from campaign import Measurement, Objective

_SMALLEST_SPREAD = 1e-12
_LARGEST_VARIANCE = 1e12
_LEAST_FOR_TAIL = 5
_HEAVY, _KEPT = 4.0, 2.0
_QUARTILE_OF_NORMAL = 0.6745


@dataclass(frozen=True)
class Tail:
    """Where bad outcomes begin that say only that they are bad: below `floor` they are drawn together over `width`."""

    floor: float
    width: float

    def compress(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return y [n] with what is below the floor on a logarithmic scale, and the slopes [n] there; 1 above."""
        below = ((self.floor - y) / self.width).clamp(min=0.0)
        return torch.maximum(y, y.new_tensor(self.floor)) - self.width * torch.log1p(below), 1.0 / (1.0 + below)

    def expand(self, y: float) -> float:
        """Return the outcome that was compressed to y."""
        below = max(self.floor - y, 0.0) / self.width
        return max(y, self.floor) - self.width * math.expm1(min(below, 500.0))


@dataclass(frozen=True)
class Outcomes:
    """What was observed: `y` [n] standardised, to maximize; `variance` [n] of its known noise, NaN where unknown."""

    y: Tensor
    variance: Tensor
    center: float
    scale: float
    sign: float
    tail: Tail | None = None

    @classmethod
    def of(cls, measurements: Sequence[Measurement], objective: Objective) -> "Outcomes":
        """Standardise measurements; outcomes that are all alike are divided by their size, at least 1.

        Where the bad outcomes have a heavier tail than a normal distribution's, the tail is compressed first: a
        stationary model would spend itself on differences between outcomes that nobody wants.
        """
        raw = torch.tensor([objective.sign * m.mean for m in measurements], dtype=torch.float64)
        sem = torch.tensor([torch.nan if m.sem is None else m.sem for m in measurements], dtype=torch.float64)
        tail = _heavy_tail(raw)
        if tail is not None:
            raw, slope = tail.compress(raw)
            sem = sem * slope
        center = float(raw.mean())
        # Deviations are squared only after they were divided by the largest, so that 1e200 does not overflow.
        deviation = raw - center
        largest = float(deviation.abs().max())
        floor = _SMALLEST_SPREAD * max(abs(center), torch.finfo(torch.float64).tiny / _SMALLEST_SPREAD)
        if len(raw) < 2 or largest <= floor:
            scale = max(abs(center), 1.0)
        else:
            scale = largest * float((deviation / largest).std())
        # A noise so large says that nothing was learnt; its square must not become infinite.
        variance = ((sem / scale) ** 2).clamp(max=_LARGEST_VARIANCE)
        return cls(deviation / scale, variance, center, scale, objective.sign, tail)

    def mean_in_units(self, mean: float) -> float:
        """Return a standardised mean in the metric's own unit and sign."""
        y = self.center + self.scale * mean
        return self.sign * (y if self.tail is None else self.tail.expand(y))

    def sd_in_units(self, sd: float) -> float:
        """Return a standardised standard deviation in the metric's own unit, as it is outside a compressed tail."""
        return self.scale * sd


def _heavy_tail(y: Tensor) -> Tail | None:
    """Return the tail of outcomes [n] to maximize that lies further from the median than the better half lets expect.

    The better half alone measures the spread. Of normal noise a tail is found in a few percent of large samples and in
    a quarter of the smallest, where the quartile is rough; its better half stays as it was.
    """
    if len(y) < _LEAST_FOR_TAIL:
        return None
    median = float(y.quantile(0.5))
    spread = (float(y.quantile(0.75)) - median) / _QUARTILE_OF_NORMAL
    if not math.isfinite(spread) or spread <= _SMALLEST_SPREAD * abs(median) or spread < 1e-290:
        return None
    if float(y.min()) >= median - _HEAVY * spread:
        return None
    return Tail(floor=median - _KEPT * spread, width=spread)
