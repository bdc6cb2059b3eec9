"""Turns measured metrics into standardised outcomes to maximize, and predictions back."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from campaign import Measurement, Objective

_SMALLEST_SPREAD = 1e-12
_LARGEST_VARIANCE = 1e12


@dataclass(frozen=True)
class Outcomes:
    """What was observed: `y` [n] standardised, to maximize; `variance` [n] of its known noise, NaN where unknown."""

    y: Tensor
    variance: Tensor
    center: float
    scale: float
    sign: float

    @classmethod
    def of(cls, measurements: Sequence[Measurement], objective: Objective) -> "Outcomes":
        """Standardise measurements; outcomes that are all alike are divided by their size, at least 1."""
        raw = torch.tensor([objective.sign * m.mean for m in measurements], dtype=torch.float64)
        sem = torch.tensor([torch.nan if m.sem is None else m.sem for m in measurements], dtype=torch.float64)
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
        return cls(deviation / scale, variance, center, scale, objective.sign)

    def mean_in_units(self, mean: float) -> float:
        """Return a standardised mean in the metric's own unit and sign."""
        return self.sign * (self.center + self.scale * mean)

    def sd_in_units(self, sd: float) -> float:
        """Return a standardised standard deviation in the metric's own unit."""
        return self.scale * sd
