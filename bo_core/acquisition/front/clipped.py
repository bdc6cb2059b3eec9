"""The logarithm of the expected share of a box that a metric covers along one side: E[(min(f, high) − low)⁺]."""

import math

import torch
from torch import Tensor

from overnight.bo_core.acquisition.limited.allowed import log_probability_within
from overnight.bo_core.acquisition.limited.truncated import log_improvement_within
from overnight.bo_core.acquisition.utility import Evaluated

_ROOT_HALF = math.sqrt(0.5)
_ROOT_HALF_PI = math.sqrt(0.5 * math.pi)
_ROOT_2PI = math.sqrt(2.0 * math.pi)
_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)
# In standard deviations, below the mean: as good as infinitely far, and far enough for a series.
_FAR, _SERIES = 1e12, 300.0
_NARROW = 1e-3
_TINY = 1e-290


def log_clipped(mean: Tensor, sd: Tensor, low: Tensor, high: Tensor | None) -> Evaluated:
    """Return log E[(min(f, high) − low)⁺] for f of the given means and sds, with derivatives; all shapes broadcast.

    Without `high`, it is the expected improvement on `low`. With a = (mean − low)/sd, b = (mean − high)/sd and
    h(v) = φ(v) + vΦ(v) it is sd (h(a) − h(b)). Since h(v) = max(v, 0) + h(−|v|), differences lose no digits unless b is
    close to a; then it is a Taylor series. Everything is in units of φ(min(a, 0)), as far below zero as one likes
    (Ament et al. 2023).
    """
    a = ((mean - low) / sd).clamp(min=-_FAR)
    center = a.clamp(max=0.0)
    phi, h, mass = _parts(a, center)
    above = a.clamp(min=0.0) * _ROOT_2PI
    if high is None:
        return _evaluated(above + h, mass, phi, center, sd)
    b, width = ((mean - high) / sd).clamp(min=-_FAR), ((high - low) / sd).clamp(min=_TINY, max=_FAR)
    other_phi, other_h, other_mass = _parts(b, center)
    # If b is above zero, a − b would lose digits that the width has.
    covered = torch.where(b > 0.0, width * _ROOT_2PI, above) + (h - other_h)
    by_mean, by_sd = mass - other_mass, phi - other_phi
    narrow = width * (-center).clamp(min=1.0) < _NARROW
    if bool(narrow.any()):
        slope = phi * (1.0 + width * (0.5 * a + width * (a * a - 1.0) / 6.0))
        curve = phi * (-a - width * (0.5 * (a * a - 1.0) + width * a * (a * a - 3.0) / 6.0))
        area = mass - 0.5 * width * phi * (1.0 + width * a / 3.0)
        covered = torch.where(narrow, width * area, covered)
        by_mean, by_sd = torch.where(narrow, width * slope, by_mean), torch.where(narrow, width * curve, by_sd)
    return _evaluated(covered, by_mean, by_sd, center, sd)


def _parts(v: Tensor, center: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return φ(v), h(−|v|) and Φ(v) in units of φ(center); `center` is at most 0 and no further from 0 than v is."""
    size = v.abs()
    mills = torch.special.erfcx(size * _ROOT_HALF).mul_(_ROOT_HALF_PI)
    bracket = 1.0 - size * mills
    if bool((size > _SERIES).any()):
        inverse_square = 1.0 / (size * size).clamp(min=1.0)
        series = inverse_square * (1.0 - inverse_square * (3.0 - 15.0 * inverse_square))
        bracket = torch.where(size > _SERIES, series, bracket)
    phi = torch.exp(-0.5 * (size + center) * (size - center))
    tail = mills.mul_(phi)
    return phi, bracket.mul_(phi), torch.where(v > 0.0, _ROOT_2PI - tail, tail)


def _evaluated(covered: Tensor, by_mean: Tensor, by_sd: Tensor, center: Tensor, sd: Tensor) -> Evaluated:
    covered = covered.clamp(min=_TINY)
    value = covered.log() - 0.5 * center * center - _LOG_ROOT_2PI + sd.log()
    inverse = (covered * sd).reciprocal_()
    return Evaluated(value, by_mean * inverse, by_sd * inverse)


def log_clipped_within(
    mean: Tensor, sd: Tensor, low: Tensor, high: Tensor | None, least: Tensor | None, most: Tensor | None
) -> Evaluated:
    """Return log E[(min(f, high) − low)⁺; least ≤ f ≤ most]: values that limits do not allow cover nothing.

    Values up to `high` cover their distance from `low`, and those above it all of the side.
    """
    if least is None and most is None:
        return log_clipped(mean, sd, low, high)
    if high is None:
        return log_improvement_within(mean, sd, low, least, most)
    below = log_improvement_within(mean, sd, low, least, high if most is None else torch.minimum(high, most))
    start = high if least is None else torch.maximum(high, least)
    length = high - low
    # A side without an end has no values above it.
    none = start.isinf() | (length <= 0.0) if most is None else start.isinf() | (length <= 0.0) | (start >= most)
    start = torch.where(none, 0.0, start)
    end = None if most is None else torch.where(none, 1.0, most)
    found = log_probability_within(mean, sd, start, end)
    beyond = (found.value + torch.where(none, 1.0, length).log()).masked_fill(none, -math.inf)
    return _sum(below, Evaluated(beyond, found.by_mean, found.by_sd))


def _sum(one: Evaluated, other: Evaluated) -> Evaluated:
    """Return the logarithm of a sum of exponentials, and its derivatives."""
    value = torch.logaddexp(one.value, other.value)
    finite = value.clamp(min=torch.finfo(value.dtype).min)
    of_one, of_other = (one.value - finite).exp(), (other.value - finite).exp()
    by_mean = of_one * one.by_mean + of_other * other.by_mean
    return Evaluated(value, by_mean, of_one * one.by_sd + of_other * other.by_sd)
