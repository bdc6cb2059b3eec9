"""Convert measured metrics into standardised outcomes to maximize, and predictions back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from overnight.bo_core.data.tails import SMALLEST_SPREAD, Tail, evening_tail, heavy_tail
from overnight.bo_core.numerics.safe_range import finite, unit_for
from overnight.campaign import Measurement, Objective

_Any = TypeVar("_Any")

_LARGEST_VARIANCE = 1e12
# Degrees of freedom with which a spread within fidelities is known well enough.
_ENOUGH = 4
# The central interval of this many standard deviations on either side holds 90 %.
_INTERVAL = 1.6448536269514722


@dataclass(frozen=True)
class Wanted:
    """The wanted `value` of a metric, in its own unit, and where it lies `at` on the scale of y."""

    value: float
    at: float


@dataclass(frozen=True)
class Outcomes:
    """The observations: `y` [n] standardised, to maximize; `variance` [n] of their known noise, NaN if unknown.

    `center`, `scale` and the `tail` are in the metric's own unit divided by `unit`, which is 1 unless the metric is
    vast. `log_slopes` [n] are the logarithms of the derivatives of y by the metric in these units.

    If a value of the metric is `wanted`, y is the metric itself, neither side of which is better. What is maximized is
    −|y − wanted.at|. The conversions to units but `metric_in_units` are of that distance: `sign` is −1, `center` is 0.
    """

    y: Tensor
    variance: Tensor
    log_slopes: Tensor
    center: float
    scale: float
    sign: float
    unit: float = 1.0
    tail: Tail | None = None
    wanted: Wanted | None = None

    @classmethod
    def of(
        cls,
        measurements: Sequence[Measurement],
        objective: Objective,
        tail_width: float | None = 1.0,
        batches: Sequence[int] | None = None,
        missing: Sequence[float] | None = None,
        wanted: float | None = None,
    ) -> "Outcomes":
        """Standardise measurements; outcomes that are all alike are divided by their size, at least 1.

        If the bad outcomes have a heavier tail than a normal distribution's, the tail is compressed first. Otherwise a
        stationary model would adapt to differences between outcomes that are all undesirable. `tail_width` is the width
        over which the tail is drawn together, in robust spreads; with None it stays as it is. With `batches`, the
        number of each measurement's batch, the scale is the spread within batches, which drift does not change. With
        `missing`, how much of the full fidelity each measurement lacks, center and scale are those at full fidelity, on
        which the model's prior is: low fidelities may lie elsewhere and be spread more widely. Everything worse than
        the best in full may then be drawn together, so that outcomes are spread alike at each fidelity. If a value is
        `wanted`, the measurements are those of the metric, and the objective is the distance.
        """
        if wanted is not None:
            return cls._around(wanted, measurements, tail_width)
        unit = unit_for(m.mean for m in measurements)
        raw = torch.tensor([objective.sign * (m.mean / unit) for m in measurements], dtype=torch.float64)
        sem = [torch.nan if m.sem is None else m.sem / unit for m in measurements]
        noise, slope = torch.tensor(sem, dtype=torch.float64), torch.ones_like(raw)
        tail = None if tail_width is None else heavy_tail(raw) if missing is None else evening_tail(raw, missing)
        if tail is not None and tail_width is not None:
            tail = tail.times(tail_width)
            raw, slope = tail.compress(raw)
            noise = noise * slope
        center = float((raw if missing is None else raw[_at_most(min(missing), missing)]).mean())
        deviation = raw - center
        if missing is not None:
            rows = _at_most(_enough_for_spread(missing), missing)
            scale = _scale_within(deviation[rows], center, [missing[i] for i in rows])
        else:
            scale = _scale(deviation, center) if batches is None else _scale_within(deviation, center, batches)
        # With noise this large nothing is learnt; its square must not become infinite.
        variance = ((noise / scale) ** 2).clamp(max=_LARGEST_VARIANCE)
        return cls(deviation / scale, variance, _log_slopes(slope, scale), center, scale, objective.sign, unit, tail)

    @classmethod
    def _around(cls, wanted: float, measurements: Sequence[Measurement], tail_width: float | None) -> "Outcomes":
        """Return the outcomes of a metric itself; values far from the wanted one, on both sides, are the tail."""
        unit = unit_for([wanted, *(m.mean for m in measurements)])
        apart = torch.tensor([m.mean / unit - wanted / unit for m in measurements], dtype=torch.float64)
        noise = apart.new_tensor([torch.nan if m.sem is None else m.sem / unit for m in measurements])
        tail = None if tail_width is None else heavy_tail(-apart.abs())
        tail = None if tail is None or tail_width is None else tail.times(tail_width)
        apart, slope = _signed(apart, tail)
        center = float(apart.mean())
        scale = _scale(apart - center, center)
        variance = ((noise * slope / scale) ** 2).clamp(max=_LARGEST_VARIANCE)
        y, at = (apart - center) / scale, Wanted(wanted, finite(-center / scale))
        return cls(y, variance, _log_slopes(slope, scale), 0.0, scale, -1.0, unit, tail, at)

    def turned(self, y: Tensor) -> Tensor:
        """Return standardised outcomes in the metric's own direction; turned twice, they are to be maximised again."""
        return y if self.wanted is not None else self.sign * y

    def standardised(self, threshold: float) -> float:
        """Return a threshold in the metric's own unit on the scale of y, where a better one is higher.

        Outcomes were standardised by the same transformation, the compressed tail included.
        """
        return finite(float(self.placed([threshold])[0]))

    def placed(self, values: Sequence[float]) -> tuple[Tensor, Tensor]:
        """Return other values of the metric on the scale of y, and the logarithms of the slopes there, as above."""
        if self.wanted is not None:
            apart = self.y.new_tensor([value / self.unit - self.wanted.value / self.unit for value in values])
            apart, slope = _signed(apart, self.tail)
            return apart / self.scale + self.wanted.at, _log_slopes(slope, self.scale)
        raw = self.y.new_tensor([self.sign * (value / self.unit) for value in values])
        slope = torch.ones_like(raw)
        if self.tail is not None:
            raw, slope = self.tail.compress(raw)
        return (raw - self.center) / self.scale, _log_slopes(slope, self.scale)

    def line(self, offset: float, factor: float) -> tuple[float, float]:
        """Return `offset + factor · m`, m being a value of the metric, as a line (constant, slope) in y.

        Without a factor it is a threshold. With one, no tail may be compressed.
        """
        if factor == 0.0:
            return self.standardised(offset), 0.0
        assert self.tail is None, "expected outcomes without a compressed tail"
        turned = self.sign * (offset / self.unit)
        return (turned + (factor - 1.0) * self.center) / self.scale, factor

    def ends(self, least: _Any, most: _Any) -> tuple[_Any, _Any]:
        """Return the ends of an interval of the metric as the lower and the upper end on the scale of y."""
        return (least, most) if self.sign > 0 else (most, least)

    def mean_in_units(self, mean: float) -> float:
        """Return a standardised mean in the metric's own unit and sign; with a compressed tail it is the median."""
        y = self.center + self.scale * mean
        return finite(self.sign * (y if self.tail is None else self.tail.expand(y)) * self.unit)

    def worth(self, y: Tensor) -> Tensor:
        """Return what is maximized of values on the scale of y: themselves, or minus their distances from a target."""
        return y if self.wanted is None else -(y - self.wanted.at).abs()

    def metric_in_units(self, y: float) -> float:
        """Return a value on the scale of y as one of the metric of which a value is wanted, in its own unit."""
        assert self.wanted is not None, "expected a wanted value"
        apart = y - self.wanted.at
        return finite(self.wanted.value + math.copysign(self.mean_in_units(-abs(apart)), apart))

    def sd_in_units(self, sd: float) -> float:
        """Return a standardised standard deviation in the metric's own unit, valid outside a compressed tail."""
        return finite(self.scale * sd * self.unit)

    def spread_in_units(self, mean: float, sd: float) -> float:
        """Return a standard deviation around a mean, both standardised, in the metric's own unit.

        In a compressed tail it is half the distance between the values one standard deviation above and below.
        """
        if self.tail is None:
            return self.sd_in_units(sd)
        return abs(0.5 * self.mean_in_units(mean + sd) - 0.5 * self.mean_in_units(mean - sd))

    def interval_in_units(self, mean: float, sd: float) -> tuple[float, float]:
        """Return the central interval of 90 % in the metric's own unit, the smaller end first."""
        ends = (self.mean_in_units(mean - _INTERVAL * sd), self.mean_in_units(mean + _INTERVAL * sd))
        return min(ends), max(ends)


def _signed(apart: Tensor, tail: Tail | None) -> tuple[Tensor, Tensor]:
    """Return differences [n] from a wanted value, with those in the tail drawn together, and the slopes [n] there."""
    if tail is None:
        return apart, torch.ones_like(apart)
    compressed, slope = tail.compress(-apart.abs())
    return apart.sign() * -compressed, slope


def _log_slopes(slope: Tensor, scale: float) -> Tensor:
    return slope.clamp(min=torch.finfo(torch.float64).tiny).log() - math.log(scale)


def _scale(deviation: Tensor, center: float) -> float:
    """Return the standard deviation of outcomes, given their deviations [n]; if they are alike, their size or 1."""
    # Deviations are divided by the largest one before they are squared, so that 1e200 does not overflow.
    largest = float(deviation.abs().max())
    floor = SMALLEST_SPREAD * max(abs(center), torch.finfo(torch.float64).tiny / SMALLEST_SPREAD)
    if len(deviation) < 2 or largest <= floor:
        return max(abs(center), 1.0)
    return largest * float((deviation / largest).std())


def _at_most(missing: float, of_each: Sequence[float]) -> list[int]:
    """Return the rows of the measurements of which at most so much of the full fidelity is missing."""
    return [i for i, each in enumerate(of_each) if each <= missing]


def _enough_for_spread(missing: Sequence[float]) -> float:
    """Return how much is missing at the highest fidelity down to which the spread within fidelities is known well."""
    levels = sorted(set(missing))
    known = (level for count, level in enumerate(levels, 1) if len(_at_most(level, missing)) - count >= _ENOUGH)
    return next(known, levels[-1])


def _scale_within(deviation: Tensor, center: float, batches: Sequence[float]) -> float:
    """Return the standard deviation of outcomes about the means of their batches; that of all if it is unknown."""
    numbers = {batch: i for i, batch in enumerate(dict.fromkeys(batches))}
    which, count = torch.tensor([numbers[batch] for batch in batches]), len(numbers)
    size = deviation.new_zeros(count).index_add(0, which, torch.ones_like(deviation))
    means = deviation.new_zeros(count).index_add(0, which, deviation) / size
    within = deviation - means[which]
    largest = float(within.abs().max())
    if count == len(deviation) or largest <= SMALLEST_SPREAD * max(abs(center), float(deviation.abs().max())):
        return _scale(deviation, center)
    return largest * math.sqrt(float((within / largest).square().sum()) / (len(deviation) - count))
