"""Log expected improvement of a metric that is itself limited: only values within the limits count."""

import math

import torch
from torch import Tensor

from overnight.bo_core.acquisition.utility import Evaluated

_ROOT_HALF = math.sqrt(0.5)
_ROOT_HALF_PI = math.sqrt(math.pi / 2.0)
_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)
# Beyond this many standard deviations, an end is as good as infinitely far.
_FAR = 1e8
_TINY = 1e-290
# In standard deviations, or in their inverse far away from the mean.
_NARROW = 3e-3


def log_improvement_within(
    mean: Tensor, sd: Tensor, best: Tensor, low: Tensor | None, high: Tensor | None
) -> Evaluated:
    """Return log E[(f − best) 1(max(best, low) ≤ f ≤ high)] for f of means [M, b, S] and sds [M, b, 1], with slopes.

    `best` and the limits are [M, 1, S]; None means that there is no such limit. With l, t and z the distances of the
    lower end, the upper end and the best from the mean in standard deviations, the expectation is
    sd (φ(l) − φ(t) − z (Φ(t) − Φ(l))).
    """
    lower = best if low is None else torch.maximum(best, low)
    least = (lower - mean) / sd
    most = torch.full_like(least, _FAR) if high is None else ((high - mean) / sd).clamp(max=_FAR)
    z = (best - mean) / sd
    empty = most <= least
    most = torch.maximum(most, least)
    # φ and Φ are computed in units of φ(c), with c the end that is closer to the mean, or 0 if the mean lies between.
    between = (least <= 0.0) & (most >= 0.0)
    center = torch.where(between, 0.0, torch.where(least > 0.0, least, most))
    phi_least, phi_most = (torch.exp(-0.5 * (end - center) * (end + center)) for end in (least, most))
    mass = _mass(least, most, phi_least, phi_most, between)
    scaled = (phi_least - phi_most - z * mass).clamp(min=_TINY)
    log_unit = -0.5 * center * center - _LOG_ROOT_2PI
    value = torch.where(empty, -math.inf, scaled.log() + log_unit + sd.log())
    # d/d mean = Φ(t) − Φ(l) + (l − z) φ(l) − (t − z) φ(t), since the integrand is not 0 at the ends.
    at_least, at_most = (least - z) * phi_least, (most - z) * phi_most
    by_mean = (mass + at_least - at_most) / (scaled * sd)
    by_sd = (phi_least - phi_most + least * at_least - most * at_most) / (scaled * sd)
    # A narrow interval: the improvement in its middle, times width and the density where the improvement's weight lies.
    width, middle = most - least, 0.5 * (least + most)
    narrow = ~empty & (width * middle.abs().clamp(min=1.0) < _NARROW)
    gain = (middle - z).clamp(min=_TINY)
    weight = middle + width * width / (12.0 * gain)
    in_narrow = (gain * width).clamp(min=_TINY).log() - 0.5 * weight * weight - _LOG_ROOT_2PI + sd.log()
    value = torch.where(narrow, in_narrow, value)
    by_mean = torch.where(narrow, weight / sd, by_mean)
    by_sd = torch.where(narrow, (weight * weight - 1.0) / sd, by_sd)
    return Evaluated(value, by_mean.masked_fill(empty, 0.0), by_sd.masked_fill(empty, 0.0))


def _mass(least: Tensor, most: Tensor, phi_least: Tensor, phi_most: Tensor, between: Tensor) -> Tensor:
    """Return √(2π) (Φ(t) − Φ(l)) in the units of the densities."""
    # On one side of the mean: by erfcx, whose argument is never negative there.
    above = _ROOT_HALF_PI * (
        torch.special.erfcx(least.clamp(min=0.0) * _ROOT_HALF) * phi_least
        - torch.special.erfcx(most.clamp(min=0.0) * _ROOT_HALF) * phi_most
    )
    below = _ROOT_HALF_PI * (
        torch.special.erfcx((-most).clamp(min=0.0) * _ROOT_HALF) * phi_most
        - torch.special.erfcx((-least).clamp(min=0.0) * _ROOT_HALF) * phi_least
    )
    middle = _ROOT_HALF_PI * (torch.erf(most * _ROOT_HALF) - torch.erf(least * _ROOT_HALF))
    return torch.where(between, middle, torch.where(least > 0.0, above, below))
